import pg from 'pg'
import t, { type Test } from 'tap'
import { startPostgres } from '../../lab/postgres.ts'
import { startProxy } from '../../lab/proxy.ts'
import { until } from '../../lab/wait.ts'
import { Archive } from '../../src/archive/archive.ts'
import { subjectOf } from '../../src/archive/record.ts'
import { searchMessages, trimMessages } from '../../src/archive/store.ts'
import { readSettings } from '../../src/config/environment.ts'
import { LiveSettings } from '../../src/config/live.ts'
import { createLog } from '../../src/log.ts'
import type { Entry } from '../../src/queue/entry.ts'
import { Traffic } from '../../src/traffic.ts'
import { type LogLine, sampleDatabase } from '../fixtures/service.ts'

t.setTimeout(90_000)

const postgres = await startPostgres()
t.teardown(() => postgres.kill())
await sampleDatabase(postgres, 'sample')

/** An archive of its own on a database of its own, behind a proxy. */
async function open(t: Test, name: string, more: Readonly<Record<string, string>> = {}, trimMs?: number) {
  await postgres.createDatabase(name, 'sample')
  const proxy = await startProxy({ targetPort: postgres.port })
  t.teardown(() => proxy.stop())
  const settings = readSettings({
    NEMO_MQTT_DATABASE_URL: postgres.url(name).replace(`:${postgres.port}/`, `:${proxy.port}/`),
    NEMO_MQTT_LOG_MESSAGES: 'true',
    ...more,
  })
  const lines: LogLine[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as LogLine)
  const live = new LiveSettings(settings)
  const traffic = new Traffic()
  const log = createLog({ level: 'INFO', secrets: () => [], destination: { write } })
  const archive = new Archive({ traffic, live, log, ...(trimMs === undefined ? {} : { trimMs }) })
  const stop = new AbortController()
  const ended = archive.run(stop.signal)
  t.teardown(async () => {
    stop.abort()
    await ended
  })
  const pool = new pg.Pool({ connectionString: postgres.url(name), max: 1 })
  pool.on('error', () => undefined)
  t.teardown(() => pool.end())
  const count = async (where = 'true'): Promise<number> => {
    const { rows } = await pool.query<{ n: number }>(
      `select count(*)::int as n from nemo_mqtt.message_log where ${where}`,
    )
    return rows[0]?.n ?? -1
  }
  const deliver = (entry: Partial<Entry>, hasSubscribers = true): void =>
    traffic.delivered({ entry: { ...ENTRY, ...entry }, hasSubscribers, attempts: 1 })
  const stopped = async (): Promise<void> => {
    stop.abort()
    await ended
  }
  return { proxy, live, traffic, lines, pool, count, deliver, stopped }
}

const ENTRY: Entry = { topic: 'nemo/tools/1', payload: '{}', retain: false, entity: 'x', origin: null, queuedAt: null }

t.test('each kind of message is written as what it is, the pulse is not, and the last ones at the end', async (t) => {
  const { traffic, pool, deliver, stopped, lines, live } = await open(t, 'kinds')
  const origin = { installation: 'x', change: '9223372036854775807', index: 0, count: 1 }
  deliver({
    topic: 'nemo/tools/7/start',
    payload: '{"event":"tool_usage_start","usage_id":9007199254740993,"tool_id":7,"event_id":"ab-3-0"}',
    origin,
  })
  deliver({
    topic: 'nemo/tools/8/enabled',
    payload: '{"event":"tool_enabled","tool_id":8,"parent_tool_id":7,"event_id":"ab-4-1"}',
  })
  deliver({ topic: 'elsewhere\u0000', payload: '{"event":"nul \\u0000 \\ud83d","text":"\ud83d half"}' }, false)
  deliver({ topic: 'nemo/bridge/health', payload: '{"pulse":1}' })
  deliver({ origin: { ...origin, change: '9999999999999999999' } }) // no bigint: it must not spoil the others
  deliver({ payload: `{"text":"${'x'.repeat(2_000_000)}"}` })
  traffic.parked({ entry: ENTRY, reason: 'too large' })
  traffic.parked({ entry: undefined, reason: 'the entry is not UTF-8' })
  traffic.silent({
    id: '5',
    at: '2026-11-25T04:34:05Z',
    table: 'NEMO_usageevent',
    operation: 'UPDATE',
    old: { id: 3, tool_id: 7, project_id: 1 },
    new: { id: 3, tool_id: 7, project_id: 2 },
  })
  live.replace({ ...live.current, log_messages: false })
  deliver({ topic: 'nemo/after' })
  await stopped()
  const rows = await searchMessages(pool, { limit: 100 })
  t.match(rows[0], {
    change: '9223372036854775807',
    table: 'NEMO_usageevent',
    row: '9007199254740993',
    event: 'tool_usage_start',
    tool: '7',
    area: null,
    topic: 'nemo/tools/7/start',
    outcome: 'delivered',
    reason: null,
  })
  t.match(
    rows[1],
    { change: '4', table: 'NEMO_tool', row: '7', tool: '8' },
    'a child tool is announced for the row of its parent',
  )
  t.match(rows[2], {
    topic: 'elsewhere\ufffd',
    event: 'nul \ufffd \ufffd',
    outcome: 'unheard',
    payload: '{"event":"nul \\u0000 \\ud83d","text":"\ufffd half"}',
    table: null,
    row: null,
  })
  t.match(rows[3], { change: null })
  t.equal(rows[4]?.payload?.length, 1_000_000)
  t.match(rows[5], { outcome: 'parked', reason: 'too large', topic: 'nemo/tools/1' })
  t.match(rows[6], { outcome: 'parked', topic: null, payload: null })
  t.match(rows[7], {
    outcome: 'silent',
    change: '5',
    table: 'NEMO_usageevent',
    row: '3',
    tool: '7',
    reason: 'only project_id differs, which makes no event',
    topic: null,
  })
  t.equal(rows.length, 8)
  t.strictSame(lines, [])
  t.equal((await searchMessages(pool, { limit: 100, tool: '7' })).length, 2)
  t.equal((await searchMessages(pool, { limit: 1 }))[0]?.outcome, 'silent', 'the newest')
})

t.test(
  'PostgreSQL away: the newest 10,000 wait, and people are told once that it is so and once how many are lacking',
  async (t) => {
    const { proxy, lines, count, deliver, pool } = await open(t, 'away')
    await proxy.refuse()
    proxy.reset()
    deliver({ topic: 'nemo/first' })
    await until(() => lines.find(({ level }) => level === 'warning'), { what: 'the first warning' })
    const since = performance.now()
    for (let n = 1; n <= 12_500; n += 1) deliver({ topic: `nemo/${n}` })
    t.ok(performance.now() - since < 1_000, 'whoever delivers is not held up')
    await proxy.pass()
    await until(async () => (await count()) === 10_000, { deadlineMs: 20_000, what: '10,000 rows' })
    await until(() => lines.find(({ msg }) => /lacks/.test(msg)), { what: 'how many are lacking' })
    t.strictSame(
      lines.map(({ level, msg }) => `${level} ${msg}`),
      [
        'warning the message log cannot be written; what is new waits in memory',
        'warning more than 10000 rows wait for the message log; the oldest are dropped',
        'info the message log can be written again',
        'warning the message log lacks 2501 rows, which were dropped',
      ],
    )
    const { rows } = await pool.query<{ topic: string }>('select topic from nemo_mqtt.message_log order by id')
    t.equal(rows[0]?.topic, 'nemo/2501')
    t.equal(rows.at(-1)?.topic, 'nemo/12500')
  },
)

t.test('long payloads are bounded by their length, not by their number', async (t) => {
  const { proxy, lines, deliver, count } = await open(t, 'long')
  await proxy.refuse()
  for (let n = 0; n < 100; n += 1) deliver({ payload: 'x'.repeat(1_000_000) })
  await until(() => lines.find(({ msg }) => /oldest are dropped/.test(msg)), { what: 'the warning' })
  await proxy.pass()
  await until(async () => (await count()) === 32, { deadlineMs: 20_000, what: '32 rows of a megabyte' })
})

t.test('an end while PostgreSQL hangs takes no longer than a second', async (t) => {
  const { proxy, deliver, stopped } = await open(t, 'hangs')
  deliver({})
  proxy.silence({ newToo: true })
  for (let n = 0; n < 600; n += 1) deliver({})
  const since = performance.now()
  await stopped()
  t.ok(performance.now() - since < 1_500, `${Math.round(performance.now() - since)} ms`)
})

t.test('retention: by days and by rows, in small batches', async (t) => {
  const { pool, count, live, stopped } = await open(
    t,
    'retention',
    { NEMO_MQTT_LOG_KEEP_ROWS: '3000', NEMO_MQTT_LOG_KEEP_DAYS: '2' },
    50,
  )
  await pool.query(
    `insert into nemo_mqtt.message_log (at, outcome) select now() - interval '3 days', 'silent' from generate_series(1, 2500)`,
  )
  await pool.query(`insert into nemo_mqtt.message_log (outcome) select 'delivered' from generate_series(1, 4000)`)
  await until(async () => (await count()) === 3_000, { deadlineMs: 20_000, what: '3,000 rows' })
  t.equal(await count(`outcome = 'silent'`), 0)
  t.equal(await count('id > 3500'), 3_000, 'the newest')
  live.replace({ ...live.current, log_keep_rows: 10 })
  await until(async () => (await count()) === 10, { deadlineMs: 20_000, what: 'ten rows, live' })
  await stopped()
  await pool.query('delete from nemo_mqtt.message_log')
  await pool.query(
    `insert into nemo_mqtt.message_log (at, outcome) select now() - interval '3 days', 'silent' from generate_series(1, 30)`,
  )
  t.ok(await trimMessages(pool, { days: 2, rows: 1_000 }, 20), 'one step deletes no more than it was told')
  t.equal(await count(), 10)
  t.notOk(await trimMessages(pool, { days: 2, rows: 1_000 }, 20))
  t.equal(await count(), 0)
})

t.test('what a payload is about', async (t) => {
  const subjects = [
    ['{"event":"area_access_end","access_id":5,"area_id":2}', 'NEMO_areaaccessrecord', '5'],
    ['{"event":"area_updated","area_id":2}', 'NEMO_area', '2'],
    ['{"event":"tool_disabled","tool_id":2,"parent_tool_id":null}', 'NEMO_tool', '2'],
    ['{"event":"tool_updated","tool_id":2,"parent_tool_id":1}', 'NEMO_tool', '2'],
    ['{"event":"task_created","task_id":4,"tool_id":2}', 'NEMO_task', '4'],
    ['{"event":"reservation_missed","reservation_id":4,"tool_id":2}', 'NEMO_reservation', '4'],
    ['{"event":"table_truncated","table":"NEMO_task"}', 'NEMO_task', null],
    ['{"event":"weather","tool_id":"2"}', null, null],
    ['[1]', null, null],
    ['no JSON', null, null],
  ] as const
  for (const [payload, table, row] of subjects) t.match(subjectOf(payload), { table, row }, payload)
})
