import pg from 'pg'
import t, { type Test } from 'tap'
import { until } from '../../lab/wait.ts'
import { ChangeLog, parseChange } from '../../src/capture/change-log.ts'
import { NameLookup, type NameLookupOptions } from '../../src/capture/lookup.ts'
import { historicQuery } from '../../src/capture/lookup-query.ts'
import type { Change, Row } from '../../src/change.ts'
import { mapChange } from '../../src/map/index.ts'
import { LOOKUP_TABLES } from '../../src/map/lookup-tables.ts'
import { startLab, type TestDatabase } from '../db/database.ts'

let statements: string[] = []
const lab = await startLab(t, { settings: { log_statement: 'all' }, onLine: (line) => statements.push(line) })

/** A NEMO with captured changes, and a reader of them that looks names up. */
async function open(t: Test, options: Partial<NameLookupOptions> & { user?: string } = {}) {
  const { user, ...rest } = options
  const db = await lab.captured()
  const pool = new pg.Pool({ connectionString: lab.server.url(db.name, user) })
  t.teardown(() => pool.end())
  const problems: string[] = []
  const lookup = new NameLookup(pool, 'public', {
    nameFormat: () => 'first_last',
    onProblem: (text) => problems.push(text),
    ...rest,
  })
  const log = new ChangeLog(pool)
  /** The events of what is in the log, in batches. */
  const drain = async (batch = 1_000) => {
    const events: Record<string, unknown>[] = []
    for (let isFull = true; isFull; ) {
      const page = await log.read(batch)
      page.advance()
      isFull = page.isFull
      const changes = page.changes.map(parseChange)
      const lookupAt = await lookup.forBatch(changes)
      for (const change of changes) {
        for (const { topic, body } of mapChange(change, lookupAt(change))) events.push({ topic, ...body })
      }
    }
    return events
  }
  return { db, pool, lookup, problems, drain }
}

const USE = (user: number, tool: number | string) =>
  `insert into "NEMO_usageevent" (user_id, operator_id, project_id, tool_id) values (${user}, ${user}, 1, ${tool})`

async function inTurn(db: TestDatabase, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await db.sql(statement)
}

for (const batch of [1_000, 2, 1]) {
  t.test(`C98 names and child tools are those of the time of the change, read ${batch} at a time`, async (t) => {
    const { db, drain } = await open(t)
    await inTurn(db, [
      USE(3, 6),
      `update "NEMO_tool" set name = 'Tube B' where id = 6`,
      `update "NEMO_tool" set operational = false where id = 3`,
      `insert into "NEMO_tool" (name, parent_tool_id, visible, operational) values ('Tube C', 3, false, false)`,
      `update "NEMO_tool" set name = 'Furnace' where id = 3`,
      `update "NEMO_tool" set operational = true where id = 3`,
      `update "NEMO_tool" set parent_tool_id = 1 where id = 6`,
      `update "NEMO_tool" set operational = false where id = 3`,
      `delete from "NEMO_tool" where id = 7`,
      `update "NEMO_tool" set operational = true where id = 3`,
      `update "NEMO_tool" set name = 'Tube Z' where id = 6`,
      `update "NEMO_tool" set operational = false where id = 1`,
    ])
    t.strictSame(
      (await drain(batch)).map(({ topic, tool_name, tool_status }) => [topic, tool_name, tool_status]),
      [
        ['tools/6/start', 'Oxidation furnace, tube B', undefined],
        ['tools/6', 'Tube B', true],
        ['tools/3/disabled', 'Oxidation furnace', false],
        ['tools/6/disabled', 'Tube B', false],
        ['tools/7', 'Tube C', false],
        ['tools/3', 'Furnace', false],
        ['tools/3/enabled', 'Furnace', true],
        ['tools/6/enabled', 'Tube B', true],
        ['tools/7/enabled', 'Tube C', true],
        ['tools/6', 'Tube B', true],
        ['tools/3/disabled', 'Furnace', false],
        ['tools/7/disabled', 'Tube C', false],
        ['tools/7', 'Tube C', false],
        ['tools/3/enabled', 'Furnace', true],
        ['tools/6', 'Tube Z', true],
        ['tools/1/disabled', 'Scanning electron microscope', false],
        ['tools/6/disabled', 'Tube Z', false],
      ],
    )
  })

  t.test(`C100 what is deleted meanwhile has the names that are known, read ${batch} at a time`, async (t) => {
    const { db, drain } = await open(t)
    await inTurn(db, [
      USE(3, 5),
      `insert into "NEMO_reservation" (user_id, creator_id, tool_id, start, "end") values (3, 3, 5, now(), now())`,
      'begin',
      'delete from "NEMO_usageevent"',
      'delete from "NEMO_tool" where id = 5',
      'delete from "NEMO_reservation"', // tool_id may be NULL, so Django gives no order
      'delete from "NEMO_user" where id = 3',
      'commit',
    ])
    const events = await drain(batch)
    t.strictSame(
      events.map(({ event }) => event),
      [
        'tool_usage_start',
        'reservation_created',
        'tool_usage_end',
        'tool_usage_deleted',
        'tool_deleted',
        'reservation_deleted',
      ],
    )
    for (const event of events) t.match(event, { tool_name: 'AFM/Profilometer' })
    for (const event of events) if ('user_id' in event) t.match(event, { user_id: 3, user_name: null, username: null })
  })
}

/** A usage that was captured while its rows were there, and is mapped when they may not be. */
function usageChange(row: Row): Change {
  const whole = { id: 1, tool_id: 1, user_id: 3, operator_id: 3, project_id: 1, start: null, end: null, ...row }
  const at = '2026-11-25T04:34:05Z'
  return { id: '99', at, table: 'NEMO_usageevent', operation: 'INSERT', old: null, new: whole }
}

t.test('C100 a deleted user keeps the name that was seen, as long as it is remembered', async (t) => {
  const { db, lookup } = await open(t, { remembered: 2 })
  const nameOf = async (user: number) => {
    const change = usageChange({ user_id: user, operator_id: user })
    return (await lookup.forBatch([change]))(change).user(String(user))?.shown
  }
  t.equal(await nameOf(3), 'Ada Lindqvist')
  await db.sql('delete from "NEMO_user" where id = 3')
  t.equal(await nameOf(3), 'Ada Lindqvist')
  t.strictSame([await nameOf(1), await nameOf(2)], ['Marie Keller', 'Tomás Reyes'])
  t.equal(await nameOf(3), undefined, 'two others were seen since')
})

t.test('C35 ids beyond 2^53, and even beyond bigint, are looked up or not found', async (t) => {
  const { db, lookup, drain } = await open(t)
  await inTurn(db, [
    'alter table "NEMO_tool" alter id type bigint',
    'alter table "NEMO_usageevent" alter tool_id type bigint',
    `insert into "NEMO_tool" (id, name) values (9007199254740993, 'Far')`,
    USE(3, '9007199254740993'),
  ])
  t.match((await drain()).at(-1), { topic: 'tools/9007199254740993/start', tool_name: 'Far' })
  const change = usageChange({ tool_id: 2n ** 64n, operator_id: -(2n ** 64n) })
  const [event] = mapChange(change, (await lookup.forBatch([change]))(change))
  t.match(event, { body: { tool_name: null, operator_name: null, user_name: 'Ada Lindqvist' } })
})

t.test('a moved reservation is compared with the copy as it was when it was made', async (t) => {
  const { db, drain } = await open(t)
  const day = (hour: number) => `'2026-11-26T${hour}:00:00Z'`
  const copy = (id: number, from: number, to: number) =>
    `insert into "NEMO_reservation" (id, user_id, creator_id, tool_id, start, "end") values (${id}, 3, 3, 1, ${day(from)}, ${day(to)})`
  const replace = (id: number, by: number) =>
    `update "NEMO_reservation" set cancelled = true, descendant_id = ${by} where id = ${id}`
  await inTurn(db, [
    copy(50, 10, 12),
    `set timezone = 'Asia/Tokyo'`,
    copy(51, 11, 13),
    replace(50, 51),
    `update "NEMO_reservation" set "end" = ${day(18)} where id = 51`,
    `set timezone = 'America/New_York'`,
    copy(52, 11, 20),
    replace(51, 52),
    'update "NEMO_reservation" set descendant_id = null',
    'delete from "NEMO_reservation" where id = 52',
  ])
  const reasons = (await drain()).filter(({ event }) => event === 'reservation_cancelled')
  t.strictSame(
    reasons.map(({ reservation_id, reason, end_time }) => [reservation_id, reason, end_time]),
    [
      [50, 'moved', '2026-11-26T12:00:00Z'],
      [51, 'resized', '2026-11-26T18:00:00Z'],
    ],
  )
})

t.test('a batch takes one query a table, and none for tables that nobody asks about', async (t) => {
  const { db, drain } = await open(t)
  await inTurn(db, [USE(3, 1), USE(4, 2), USE(5, 3), 'update "NEMO_usageevent" set "end" = now()'])
  await drain() // the first batch also finds out which columns there are
  await inTurn(db, ['update "NEMO_usageevent" set "end" = null', `update "NEMO_area" set name = 'x' where id = 1`])
  statements = []
  t.equal((await drain()).length, 4)
  const asked = (table: string) => statements.filter((line) => line.includes(`"public"."${table}" t`)).length
  t.strictSame(
    ['NEMO_tool', 'NEMO_user', 'NEMO_project', 'NEMO_area', 'NEMO_reservation'].map(asked),
    [1, 1, 1, 0, 0],
    statements.join('\n'),
  )
})

t.test('a name that may not be read is null, said once, and there again when it may', async (t) => {
  await lab.server.execute('postgres', 'create role reader login')
  const { db, drain, problems } = await open(t, { user: 'reader', recheckMs: 0 })
  await inTurn(db, [
    'grant usage on schema nemo_mqtt to reader',
    'grant select on all tables in schema public, nemo_mqtt to reader',
    'revoke select on "NEMO_user" from reader',
    'grant select (id, username) on "NEMO_user" to reader',
    USE(3, 1),
  ])
  t.match((await drain()).at(-1), { user_name: 'ada', username: 'ada', first_name: null, project_name: /Photonic/ })
  await inTurn(db, [USE(3, 2)])
  await drain()
  t.match(problems, [/NEMO_user .*SELECT on first_name, last_name$/])
  t.equal(problems.length, 1)

  await inTurn(db, ['grant select on "NEMO_user" to reader', USE(3, 3)])
  t.match((await drain()).at(-1), { user_name: 'Ada Lindqvist' })
  t.match(problems.slice(1), [/NEMO_user can be read again/])

  await inTurn(db, ['revoke select on "NEMO_project" from reader', USE(3, 4)])
  t.match((await drain()).at(-1), { user_name: 'Ada Lindqvist', project_name: null }, 'found out in the middle')
  t.match(problems.slice(2), [/NEMO_project .*SELECT on id, name/])
})

t.test('an interlock names the tool that it locks, if there is one and it may be read', async (t) => {
  const { db, drain, problems } = await open(t, { user: 'reader', recheckMs: 0 })
  const unlock = (id: number) => `update "NEMO_interlock" set state = 3 - state where id = ${id}`
  await inTurn(db, [
    'grant usage on schema nemo_mqtt to reader',
    'grant select on all tables in schema public, nemo_mqtt to reader',
    'insert into "NEMO_interlock" (card_id, state) values (1, 2), (1, 2)',
    'update "NEMO_tool" set interlock_id = 1 where id = 3',
    unlock(1),
    unlock(2),
  ])
  t.match(await drain(), [
    { interlock_id: 1, state_name: 'unlocked', tool_id: 3, tool_name: 'Oxidation furnace' },
    { interlock_id: 2, state_name: 'unlocked', tool_id: null, tool_name: null },
  ])
  t.strictSame(problems, [])
  const columns = 'id, name, parent_tool_id, operational, category'
  await inTurn(db, ['revoke select on "NEMO_tool" from reader', `grant select (${columns}) on "NEMO_tool" to reader`])
  await inTurn(db, [unlock(1), `update "NEMO_tool" set name = 'Tube A' where id = 3`, USE(3, 3)])
  // What was seen before is not kept for who may not see it.
  t.match(await drain(), [
    { interlock_id: 1, state_name: 'locked', tool_id: null },
    { event: 'tool_updated' },
    { event: 'tool_usage_start', tool_name: 'Tube A' },
  ])
  t.match(problems, [/NEMO_tool .*SELECT on interlock_id$/])
})

t.test('a column or table that an upgrade takes away is null, and the batch goes on', async (t) => {
  const { db, drain, problems } = await open(t, { recheckMs: 0 })
  await inTurn(db, [USE(3, 6)])
  t.match((await drain()).at(-1), { tool_name: /tube B/, user_name: 'Ada Lindqvist', parent_tool_id: 3 })
  await inTurn(db, [
    'alter table "NEMO_tool" rename parent_tool_id to root_id',
    'alter table "NEMO_user" rename last_name to family',
    'alter table "NEMO_project" rename to "NEMO_assignment"',
    'update "NEMO_usageevent" set "end" = now()',
    'update "NEMO_tool" set operational = false where id = 3',
  ])
  const events = await drain()
  t.match(events[0], { tool_name: /tube B/, parent_tool_id: null, user_name: 'Ada', last_name: null })
  t.match(events[0], { project_id: 1, project_name: null })
  t.match(events[1], { topic: 'tools/3/disabled' })
  t.strictSame(
    [...problems].sort((a, b) => a.localeCompare(b)).map((text) => text.split(':').at(-1)),
    [' there is no such table', ' it has no column parent_tool_id', ' it has no column last_name'],
  )
  await inTurn(db, ['alter table "NEMO_user" rename family to last_name', USE(3, 1)])
  t.match((await drain()).at(-1), { user_name: 'Ada Lindqvist' })
})

t.test('trouble with the connection is an error, because it passes', async (t) => {
  const pool = new pg.Pool({ connectionString: lab.server.url('later') })
  t.teardown(() => pool.end())
  const lookup = new NameLookup(pool, 'public', { nameFormat: () => 'initials', onProblem: (text) => t.fail(text) })
  const change = usageChange({})
  await t.rejects(lookup.forBatch([change]), /"later" does not exist/)
  await lab.captured('later')
  const [event] = mapChange(change, (await lookup.forBatch([change]))(change))
  t.match(event, { body: { user_name: 'A. L.', tool_name: 'Scanning electron microscope', username: null } })
})

t.test('a connection that is lost in the middle of a query is an error too', async (t) => {
  const { db, lookup, problems } = await open(t)
  const change = usageChange({})
  await lookup.forBatch([change]) // from here on it is known what can be read
  await inTurn(db, ['begin', 'lock table "NEMO_project"'])
  const asked = t.rejects(lookup.forBatch([change]), { code: '57P01' })
  await until(
    async () => {
      const ended = await db.sql(`select pg_terminate_backend(pid) from pg_locks
        where not granted and relation = '"NEMO_project"'::regclass`)
      return ended.length > 0
    },
    { deadlineMs: 10_000, what: 'a query that waits for NEMO_project' },
  )
  await asked
  await db.sql('rollback')
  const [event] = mapChange(change, (await lookup.forBatch([change]))(change))
  t.match(event, { body: { project_name: 'Photonic crystals' } })
  t.strictSame(problems, [], 'nobody is told of a problem with a table')
})

t.test('the change log is asked through its index, however long it is', async (t) => {
  const { db } = await open(t)
  await db.sql(`insert into nemo_mqtt.change_log (tbl, op, old, new)
    select case when i % 10 < 8 then 'NEMO_usageevent' else 'NEMO_tool' end, 'UPDATE', row, row
      from generate_series(1, 200000) i, jsonb_build_object('id', i % 7, 'name', i) row`)
  await db.sql('analyze nemo_mqtt.change_log')
  const readable = new Set<string>(['id', ...LOOKUP_TABLES.tools.columns])
  for (const withChildren of [false, true]) {
    const text = historicQuery('public', LOOKUP_TABLES.tools, readable, withChildren)
    const values = [['1', '2', '8'], '500', ...(withChildren ? [['3']] : [])]
    const plan = (await db.sql<{ 'QUERY PLAN': string }>(`explain (analyze) ${text}`, values))
      .map((row) => row['QUERY PLAN'])
      .join('\n')
    t.notMatch(plan, /Seq Scan on change_log/)
    t.match(plan, /Index Scan using change_log_names/)
    t.notMatch(plan, /Rows Removed by Filter: \d{3}/)
  }
})
