import { readFileSync } from 'node:fs'
import t from 'tap'
import { until } from '../../lab/wait.ts'
import { CHANNEL } from '../../src/capture/notifications.ts'
import { DeafPooler } from '../fixtures/deaf-pooler.ts'
import type { ServiceProcess } from '../fixtures/service.ts'
import { type Laboratory, openLaboratory } from './laboratory.ts'
import { Load } from './load.ts'

t.setTimeout(400_000)
t.jobs = 2

/** Resident memory of the service, in megabytes. */
function memoryMb(service: ServiceProcess): number {
  const status = readFileSync(`/proc/${service.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000
}

/** Ends sessions of the service at the server, as an administrator or a restart would. */
async function terminate({ sql }: Laboratory, application: string): Promise<void> {
  await sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${application}'`)
}

t.test('C02 rows written while nobody listens go out without a further write', async (t) => {
  const laboratory = await openLaboratory(t)
  await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  await terminate(laboratory, 'nemo-mqtt listen')
  for (let n = 0; n < 20; n += 1) await load.write()
  await load.verify(t)
})

t.test(
  'C03 C06 PostgreSQL away for longer than a library waits, and restarted again and again: one process',
  async (t) => {
    const laboratory = await openLaboratory(t)
    const { postgres } = laboratory
    const service = await laboratory.start()
    const first = await Load.open(t, laboratory)
    await first.roundTrip(15_000)
    const { pid } = service
    await postgres.stop()
    await service.says('database', 'failing')
    await new Promise((resolve) => setTimeout(resolve, 6_000)) // longer than pg-listen would go on by itself
    await postgres.start()
    for (let round = 0; round < 5; round += 1) {
      const load = await Load.open(t, laboratory)
      t.ok((await load.roundTrip(10_000)) < 10_000, 'a change goes out soon after the server is back')
      await load.close()
      await postgres.stop()
      await postgres.start()
    }
    t.equal(service.pid, pid)
    t.strictSame(
      service.lines.filter(({ level }) => level === 'raw'),
      [],
      'nothing was thrown',
    )
  },
)

t.test(
  'C08 behind something that swallows notifications the log names a pooler, and changes still go out',
  async (t) => {
    const laboratory = await openLaboratory(t)
    const { databaseUrl, postgres } = laboratory
    const pooler = await DeafPooler.start(postgres.port)
    t.teardown(() => pooler.stop())
    const service = await laboratory.start({
      databaseUrl: databaseUrl.replace(`:${postgres.port}/`, `:${pooler.port}/`),
    })
    await service.logged(({ msg }) => /pooler/.test(msg), 'a pooler named', 20_000)
    const load = await Load.open(t, laboratory)
    t.ok((await load.roundTrip(5_000)) < 3_000, 'found by looking')
    await load.verify(t)
  },
)

t.test('notifications switched off in the database: the sweep alone delivers', async (t) => {
  const laboratory = await openLaboratory(t)
  await laboratory.sql('alter database nemo set nemo_mqtt.notify = off')
  await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  t.ok((await load.roundTrip(5_000)) < 3_000)
})

t.test('C15 the channel is one lower-case word, the same in SQL and here', async (t) => {
  t.match(CHANNEL, /^[a-z_]{1,63}$/)
  const sql = readFileSync(new URL('../../../sql/000002_capture_function.sql', import.meta.url), 'utf8')
  t.match(sql, `pg_notify('${CHANNEL}', '')`)
})

t.test('C60 C69 a hundred thousand changes without Redis, then without a broker, take no memory', async (t) => {
  const laboratory = await openLaboratory(t)
  const { redis, broker } = laboratory
  const service = await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  const before = memoryMb(service)
  await redis.stop()
  for (const tool of [1, 2, 3]) await load.writeMany(tool, 34_000)
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
