import pg from 'pg'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { startPostgres } from '../../lab/postgres.ts'
import { startRedis } from '../../lab/redis.ts'
import { until } from '../../lab/wait.ts'
import { ChangeLog } from '../../src/capture/change-log.ts'
import { Listener } from '../../src/capture/listener.ts'
import { NameLookup } from '../../src/capture/lookup.ts'
import { PendingChanges } from '../../src/capture/pending.ts'
import { readSettings } from '../../src/config/environment.ts'
import { LiveSettings } from '../../src/config/live.ts'
import { Health } from '../../src/health.ts'
import { Liveness } from '../../src/liveness.ts'
import { Pulse } from '../../src/pulse.ts'
import { EventQueue } from '../../src/queue/event-queue.ts'
import { Traffic } from '../../src/traffic.ts'
import { Wake } from '../../src/wake.ts'
import { sampleDatabase } from '../fixtures/service.ts'

t.setTimeout(60_000)
const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
t.teardown(() => Promise.all([postgres.kill(), redis.kill()]))
const url = await sampleDatabase(postgres, 'nemo')

/** A listener with everything it needs, on a pool that can be spied on. */
async function openListener(t: Test, spy: (text: string) => Promise<void> = async () => undefined) {
  const real = new pg.Pool({ connectionString: url })
  await real.query('truncate nemo_mqtt.change_log restart identity; truncate nemo_mqtt.unmapped')
  await redis.command('FLUSHALL')
  const query = async (text: string, values: unknown[]): Promise<unknown> => {
    const result = await real.query(text, values)
    await spy(text)
    return result
  }
  const pool = { query } as unknown as pg.Pool
  const log = pino({ level: 'silent' })
  const health = new Health(log)
  const queue = await EventQueue.claim(redis.url, 'here')
  const pending = new PendingChanges()
  const changeLog = new ChangeLog(pool)
  const wake = new Wake()
  const clock = { aheadMs: 0 }
  const liveness = new Liveness(() => performance.now() + clock.aheadMs)
  const listener = new Listener({
    changeLog,
    lookup: new NameLookup(pool, 'public', { nameFormat: () => 'first_last', onProblem: () => undefined }),
    queue,
    pending,
    wake,
    pushed: new Wake(),
    health,
    log,
    installation: 'here',
    traffic: new Traffic(),
    pulse: quiet(),
    liveness,
    live: new LiveSettings(readSettings({ NEMO_MQTT_DATABASE_URL: 'postgres://h/d', NEMO_MQTT_QUEUE_LIMIT: '100' })),
  })
  const end = new AbortController()
  t.teardown(async () => {
    end.abort()
    queue.close()
    await real.end()
  })
  return { real, listener, queue, pending, changeLog, wake, health, liveness, clock, signal: end.signal }
}

/** A pulse that is never due: its clock stands. */
function quiet(): Pulse {
  const pulse = new Pulse(() => 0)
  pulse.due('', () => ({}))
  return pulse
}

const TOOL = `update "NEMO_tool" set category = clock_timestamp()::text where id = 1`

t.test('what was delivered and deleted while the log was read is not sent again', async (t) => {
  let reads = 0
  const { real, listener, queue, pending, changeLog, signal } = await openListener(t, async (text) => {
    if (!text.includes('with page')) return
    reads += 1
    if (reads > 1) return
    // The answer of this read holds change 1. Before it is looked at, the change is settled and goes.
    pending.settle('1')
    const ids = pending.takeSettled(10)
    await changeLog.remove(ids)
    pending.forget(ids)
  })
  await real.query(TOOL)
  pending.add('1', 1) // as after a start that found its entry in Redis
  listener.run(signal).catch((error: unknown) => t.fail(String(error)))
  await until(() => reads >= 2, { what: 'a second read' })
  t.equal(await queue.length(), 0, 'an old message behind newer ones would tell people an old state')
  t.equal(pending.size, 0)
})

t.test('it pauses at the bound of the queue and goes on when there is room', async (t) => {
  const { real, listener, queue, health, wake, signal } = await openListener(t)
  for (let n = 0; n < 3; n += 1) await real.query(`do $$ begin for n in 1..60 loop ${TOOL}; end loop; end $$`)
  listener.run(signal).catch((error: unknown) => t.fail(String(error)))
  await until(() => health.of('listener').state === 'waiting', { what: 'the listener to pause' })
  t.equal(await queue.length(), 180, 'the bound is that of a pause, not of a batch')
  await real.query(TOOL)
  wake.notify()
  await queue.turn([], 100, 1_000_000)
  await until(async () => (await queue.length()) === 81, { what: 'the next change' })
  t.equal(health.of('listener').state, 'ok')
})

t.test('a change that cannot be mapped is set aside and holds up nothing', async (t) => {
  const { real, listener, queue, pending, signal } = await openListener(t)
  await real.query(`insert into nemo_mqtt.change_log (tbl, op, new) values ('NEMO_other', 'INSERT', '{"id": 1}')`)
  await real.query(`insert into nemo_mqtt.change_log (tbl, op, new) values ('NEMO_tool', 'INSERT', '[1]')`)
  await real.query(TOOL)
  listener.run(signal).catch((error: unknown) => t.fail(String(error)))
  await until(async () => (await queue.length()) === 1, { what: 'the change behind them' })
  const { rows } = await real.query('select id, tbl from nemo_mqtt.unmapped order by id')
  t.strictSame(rows, [
    { id: '1', tbl: 'NEMO_other' },
    { id: '2', tbl: 'NEMO_tool' },
  ])
  t.strictSame(pending.ids(), ['3'])
})

t.test('a read that never ends is found: the listener counts as stuck', async (t) => {
  let hasHung = false
  const { listener, liveness, clock, signal } = await openListener(t, async (text) => {
    if (!text.includes('with page')) return
    hasHung = true
    await new Promise(() => undefined)
  })
  void listener.run(signal)
  await until(() => hasHung, { what: 'the read' })
  t.strictSame(liveness.stuck(), [])
  clock.aheadMs = 61_000
  t.strictSame(liveness.stuck(), ['listener'])
})
