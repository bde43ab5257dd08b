import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { requirePrograms } from '../../lab/install.ts'
import { findProgram } from '../../lab/programs.ts'
import { until } from '../../lab/wait.ts'
import { CHANNEL } from '../../src/capture/notifications.ts'
import { runCli, type ServiceProcess, serviceEnvironment } from '../fixtures/service.ts'
import { delivered, type Laboratory, openLaboratory } from './laboratory.ts'
import { Load } from './load.ts'
import { startDeafProxy, startPgBouncer } from './pooler.ts'

t.setTimeout(300_000)
t.jobs = 2

async function open(t: Test, through?: (laboratory: Laboratory) => Promise<number>) {
  const laboratory = await openLaboratory(t)
  const { serviceUrl, postgres } = laboratory
  const port = (await through?.(laboratory)) ?? postgres.port
  const service = await laboratory.start({ databaseUrl: serviceUrl.replace(`:${postgres.port}/`, `:${port}/`) })
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  return { laboratory, service, load }
}

function nothingThrown(t: Test, service: ServiceProcess): void {
  t.strictSame(
    service.lines.filter(({ level }) => level === 'raw'),
    [],
    'nothing was thrown',
  )
}

const END_LISTENING = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'nemo-mqtt listen'`

t.test('C02 what is written while the LISTEN session is away comes without a further write', async (t) => {
  const { laboratory, service } = await open(t)
  const { sql, subscriber } = laboratory
  for (let round = 0; round < 3; round += 1) {
    const before = subscriber.messages.length
    const since = performance.now()
    await sql(`
      ${END_LISTENING};
      insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, has_ended)
        select 2, 3, 3, 1, ${round} * 20 + n from generate_series(1, 20) n`)
    const isComplete = (): boolean => subscriber.messages.length >= before + 20
    await until(isComplete, { deadlineMs: 5_000, what: 'all twenty' })
    t.ok(performance.now() - since < 3_000, `after ${Math.round(performance.now() - since)} ms`)
    const ids = subscriber.messages.slice(before).map(({ parsed }) => Number((parsed as { usage_id: number }).usage_id))
    t.strictSame(
      ids,
      Array.from({ length: 20 }, (_, n) => round * 20 + n + 1),
      'in order and once each',
    )
  }
  await delivered(laboratory)
  nothingThrown(t, service)
})

t.test('C03 PostgreSQL is away for long: the same process goes on within 5 s of its return', async (t) => {
  const { laboratory, service, load } = await open(t)
  const { pid } = service
  for (const awayMs of [4_000, 20_000]) {
    await laboratory.postgres.stop()
    await delay(awayMs)
    await laboratory.postgres.start()
    const after = await Load.open(t, laboratory)
    const ms = await after.roundTrip(15_000)
    t.ok(ms < 5_000, `after ${awayMs} ms away: ${Math.round(ms)} ms`)
    await service.says('notifications', 'ok', 10_000)
  }
  t.equal(service.pid, pid)
  await load.close()
  nothingThrown(t, service)
})

t.test('C06 PostgreSQL restarts five times, while idle and at work: one line per loss and stage', async (t) => {
  const { laboratory, service } = await open(t)
  const { pid } = service
  await delay(5_000)
  const from = service.lines.length
  for (let n = 0; n < 5; n += 1) {
    await laboratory.postgres.stop()
    await laboratory.postgres.start()
    if (n % 2 === 0) await delay(500)
    else await (await Load.open(t, laboratory)).roundTrip(15_000)
  }
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  t.equal(service.pid, pid)
  nothingThrown(t, service)
  for (const stage of ['database', 'lease', 'notifications']) {
    const failing = service.lines.slice(from).filter((line) => line.stage === stage && line.state === 'failing')
    // A loss, then "refused", then "starting up": the reasons differ, and each is said once.
    t.ok(failing.length <= 15, `${failing.length} lines of ${stage} for five restarts`)
  }
})

t.test('C08 notifications are swallowed: the log names a pooler, and rows go out all the same', async (t) => {
  const { service, load } = await open(t, ({ postgres }) => startDeafProxy(t, postgres.port))
  const line = await service.says('notifications', 'failing')
  t.match(line.msg, /pooler/)
  for (let n = 0; n < 5; n += 1) {
    const ms = await load.roundTrip(5_000)
    t.ok(ms < 1_500, `found by looking after ${Math.round(ms)} ms`)
  }
  await load.verify(t)
  nothingThrown(t, service)
})

const pgbouncer = process.getuid?.() === 0 ? requirePrograms(['pgbouncer'])[0] : findProgram('pgbouncer')
t.test(
  'C08 behind PgBouncer in transaction mode: the log names it, rows go out, and only one instance is active',
  { skip: pgbouncer === undefined && 'pgbouncer is not installed; the proxy above stands for it' },
  async (t) => {
    let port = 0
    const { laboratory, service, load } = await open(t, async ({ postgres }) => {
      port = await startPgBouncer(t, pgbouncer ?? '', postgres.port)
      return port
    })
    const line = await service.says('notifications', 'failing', 20_000)
    t.match(line.msg, /pooler/)
    const { serviceUrl, postgres } = laboratory
    const other = serviceUrl.replace(`:${postgres.port}/`, `:${port}/`)
    const standby = await laboratory.start({ databaseUrl: other })
    await standby.says('lease', 'waiting')
    load.start(20)
    await delay(12_000)
    t.notOk(
      service.lines.some(({ stage, state }) => stage === 'lease' && state !== 'ok'),
      'the lock is held',
    )
    const heard = service.lines.filter(({ stage, state }) => stage === 'notifications' && state === 'ok')
    t.strictSame(heard, [], 'it never believes that it is notified')
    await service.kill()
    const ms = await load.flows(15_000)
    t.ok(ms < 10_000, `the other one takes over after ${Math.round(ms)} ms`)
    await load.stop()
    await load.verify(t)
    nothingThrown(t, service)
  },
)

t.test('C11 fifty changes in one transaction wake it once and come out as fifty', async (t) => {
  const { laboratory } = await open(t)
  const { sql, subscriber } = laboratory
  const before = subscriber.messages.length
  await sql(`
    insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, has_ended)
      select 2, 3, 3, 1, n from generate_series(1, 50) n`)
  await until(() => subscriber.messages.length >= before + 50, { deadlineMs: 3_000, what: 'all fifty' })
  await delivered(laboratory)
  t.equal(subscriber.messages.filter(({ topic }) => topic === 'nemo/tools/2/start').length, 50)
})

t.test('C15 the channel is fixed, and the same on both sides', async (t) => {
  const sql = readFileSync(new URL('../../../sql/000002_capture_function.sql', import.meta.url), 'utf8')
  t.strictSame(
    [...sql.matchAll(/pg_notify\('([^']*)'/g)].map(([, name]) => name),
    [CHANNEL],
  )
  t.match(CHANNEL, /^[a-z_]{1,63}$/, 'LISTEN folds nothing in it and cuts nothing off')
  const options = { databaseUrl: 'postgres://127.0.0.1:1/x', redisUrl: 'redis://127.0.0.1:1/1', brokerPort: 1 }
  const environment = { ...serviceEnvironment(options), NEMO_MQTT_CHANNEL: 'NEMO_Events' }
  const { code, output } = await runCli(['run'], environment)
  t.equal(code, 2)
  t.match(output, /NEMO_MQTT_CHANNEL: there is no such setting/)
})

t.test('NOTIFY turned off: looking at intervals alone delivers', async (t) => {
  const { laboratory, load } = await open(t)
  await laboratory.sql('alter database nemo set nemo_mqtt.notify = off')
  const quiet = await Load.open(t, laboratory) // the setting holds for new sessions
  const tripsMs: number[] = []
  for (let n = 0; n < 5; n += 1) {
    tripsMs.push(await quiet.roundTrip(5_000))
    await delay(150)
  }
  t.ok(Math.max(...tripsMs) < 2_000, `${tripsMs.map(Math.round)} ms`)
  t.ok(Math.max(...tripsMs) > 100, 'nobody notified us')
  await load.close()
})
