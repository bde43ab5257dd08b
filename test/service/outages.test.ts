import { readFileSync } from 'node:fs'
import pg from 'pg'
import t from 'tap'
import { startProxy } from '../../lab/proxy.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import type { ServiceProcess } from '../fixtures/service.ts'
import { delivered, openLaboratory } from './laboratory.ts'
import { Load } from './load.ts'

t.setTimeout(400_000)
t.jobs = 2

/** Resident memory of the service, in megabytes. */
function memoryMb(service: ServiceProcess): number {
  const status = readFileSync(`/proc/${service.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000
}

t.test('C60 C69 tens of thousands of changes without Redis, then without a broker, take no memory', async (t) => {
  const laboratory = await openLaboratory(t)
  const { redis, broker } = laboratory
  const service = await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  const before = memoryMb(service)
  await redis.stop()
  for (const tool of [1, 2, 3]) await load.writeMany(tool, 12_000)
  await service.says('redis', 'failing')
  t.ok(memoryMb(service) - before < 50, `without Redis: ${Math.round(memoryMb(service) - before)} MB more`)
  await broker.stop()
  await redis.start()
  await service.says('listener', 'waiting', 30_000)
  t.ok(memoryMb(service) - before < 80, `without a broker: ${Math.round(memoryMb(service) - before)} MB more`)
  await broker.start()
  await load.verify(t, 120_000)
})

t.test('C106 nothing counts as done before it was acknowledged: the broker goes and comes in the middle', async (t) => {
  const laboratory = await openLaboratory(t)
  const { broker } = laboratory
  await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  await broker.stop()
  for (let n = 0; n < 200; n += 1) await load.write()
  await broker.start()
  await load.writeMany(2, 2_000)
  await broker.kill()
  await until(() => !broker.isRunning, { what: 'the broker to be gone' })
  await broker.start()
  await load.verify(t, 60_000)
})

t.test('C17 thousands of transactions in a row while each push to Redis is slow: none is forgotten', async (t) => {
  const laboratory = await openLaboratory(t)
  const { redis } = laboratory
  const proxy = await startProxy({ targetPort: redis.port })
  t.teardown(() => proxy.stop())
  const service = await laboratory.start({ redisUrl: redis.url.replace(`:${redis.port}/`, `:${proxy.port}/`) })
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  const before = memoryMb(service)
  proxy.delay(5)
  for (let n = 0; n < 5_000; n += 1) await load.write()
  await load.verify(t, 60_000)
  t.ok(memoryMb(service) - before < 80, `${Math.round(memoryMb(service) - before)} MB more`)
})

t.test('C44 under a snapshot that is held for long, changes go out as fast as ever', async (t) => {
  const laboratory = await openLaboratory(t)
  await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  const holder = new pg.Client({ connectionString: laboratory.databaseUrl })
  holder.on('error', () => undefined) // at the end of the test the server goes first
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('begin isolation level repeatable read')
  await holder.query('select count(*) from nemo_mqtt.change_log')
  // What is delivered now is deleted, and the snapshot keeps VACUUM from removing it: 12,000 dead rows in the way.
  for (let n = 0; n < 4; n += 1) await load.writeMany(1 + (n % 3), 3_000)
  await delivered(laboratory, 60_000)
  const times: number[] = []
  for (let n = 0; n < 100; n += 1) times.push(await load.roundTrip(10_000))
  times.sort((a, b) => a - b)
  t.ok((times[94] ?? Number.NaN) < 1_000, `95 of 100 changes within ${Math.round(times[94] ?? Number.NaN)} ms`)
  await holder.query('commit')
  await load.verify(t)
})

t.test(
  'C78 C79 events are not retained; the state is, and it is right after the broker and we were killed',
  async (t) => {
    const laboratory = await openLaboratory(t, { broker: ['persistence true'] })
    const { broker } = laboratory
    const service = await laboratory.start()
    const load = await Load.open(t, laboratory)
    await load.roundTrip(15_000)
    const retained = async (): Promise<string[]> => {
      const fresh = await startSubscriber({ url: broker.url, topics: ['nemo/#'] })
      await fresh.waitFor(({ topic }) => topic === 'nemo/bridge/state')
      await fresh.stop()
      return fresh.messages.filter(({ retain }) => retain).map(({ topic, payload }) => `${topic} ${payload}`)
    }
    t.strictSame(await retained(), ['nemo/bridge/state online'])
    await broker.stop()
    await broker.start()
    await load.roundTrip(15_000)
    t.strictSame(await retained(), ['nemo/bridge/state online'])
    await service.kill()
    await until(async () => (await retained()).includes('nemo/bridge/state lost'), { what: 'the will to be sent' })
    await service.start()
    await load.roundTrip(15_000)
    t.strictSame(await retained(), ['nemo/bridge/state online'])
  },
)
