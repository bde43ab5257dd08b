import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { startProxy } from '../../lab/proxy.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { delivered, leftOver, openLaboratory, withRedis } from './laboratory.ts'
import { Load } from './load.ts'

t.setTimeout(300_000)
t.jobs = 2

/** A broker that forgets its subscribers with every restart would drop what comes before they are back. */
const REMEMBERS = { broker: ['persistence true'] }

t.test(
  'C106 the broker goes down before and in the middle of a batch: nothing is done before its PUBACK',
  async (t) => {
    const laboratory = await openLaboratory(t, { broker: ['persistence true', 'max_inflight_messages 0'] })
    const { broker, subscriber } = laboratory
    const service = await laboratory.start()
    const load = await Load.open(t, laboratory)
    await load.roundTrip(15_000)
    await delivered(laboratory)

    await broker.stop()
    for (let n = 0; n < 100; n += 1) await load.write()
    await load.writeMany(1, 100)
    await delay(5_000)
    const left = await leftOver(laboratory)
    t.equal(left.changeLog, 200, 'all of them are still in PostgreSQL')
    const queued = Number(left.queue) + Number(left.inFlight)
    t.ok(queued === 200 || queued === 201, `and in Redis, with one pulse at most: ${queued}`)

    const before = subscriber.messages.length
    await broker.start()
    await until(() => subscriber.messages.length > before + 30, { deadlineMs: 20_000, everyMs: 1, what: 'the batch' })
    await broker.stop()
    await delay(1_000)
    await broker.start()
    await load.verify(t)
    t.equal((await leftOver(laboratory)).parked, 0)
    t.strictSame(
      service.lines.filter(({ level }) => level === 'raw'),
      [],
      'nothing was thrown',
    )
  },
)

t.test('C78 C79 events are not retained; the state is, and it is right after every end of a link', async (t) => {
  const laboratory = await openLaboratory(t, REMEMBERS)
  const { broker } = laboratory
  const proxy = await startProxy({ targetPort: broker.port })
  t.teardown(() => proxy.stop())
  const service = await laboratory.start({ brokerPort: proxy.port })
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  const retained = async (): Promise<string[]> => {
    const fresh = await startSubscriber({ url: broker.url, topics: ['nemo/#'], protocol: broker.protocol })
    await fresh.waitFor(({ topic }) => topic === 'nemo/bridge/state')
    await fresh.stop()
    const kept = fresh.messages.filter(({ topic, retain }) => retain && topic !== 'nemo/bridge/health')
    return kept.map(({ topic, payload }) => `${topic} ${payload}`)
  }
  t.strictSame(await retained(), ['nemo/bridge/state online'])
  for (const [what, act] of [
    ['a restart of the broker', () => broker.stop().then(() => broker.start())],
    ['a kill of the broker', () => broker.kill().then(() => broker.start())],
    ['a reset link', async () => proxy.reset()],
  ] as const) {
    const from = service.lines.length
    await act()
    await service.says('broker', 'ok', 20_000, from)
    await load.roundTrip(15_000)
    t.strictSame(await retained(), ['nemo/bridge/state online'], what)
  }
  await service.kill()
  await until(async () => (await retained()).includes('nemo/bridge/state lost'), { what: 'the will to be sent' })
  await service.start()
  await load.roundTrip(15_000)
  t.strictSame(await retained(), ['nemo/bridge/state online'], 'a kill of ours')
  await service.stop()
  t.strictSame(await retained(), ['nemo/bridge/state stopped'])
})

t.test('somebody deletes the queue by hand: the messages come from PostgreSQL again', async (t) => {
  const laboratory = await openLaboratory(t, REMEMBERS)
  const { broker, redis } = laboratory
  await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  await broker.stop()
  for (let n = 0; n < 50; n += 1) await load.write()
  await until(async () => (await leftOver(laboratory)).queue === 50, { what: 'all of them to be queued' })
  await withRedis(redis, (client) => client.del(KEYS.queue))
  await broker.start()
  await load.verify(t, 70_000)
})

t.test('FLUSHALL with messages in flight and no broker: all of them come, in order', async (t) => {
  const laboratory = await openLaboratory(t, REMEMBERS)
  const { broker, redis } = laboratory
  await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  await broker.stop()
  for (let n = 0; n < 100; n += 1) await load.write()
  await redis.command('FLUSHALL')
  for (let n = 0; n < 100; n += 1) await load.write()
  await broker.start()
  await load.verify(t)
})
