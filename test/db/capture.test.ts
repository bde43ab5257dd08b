import t from 'tap'
import { until } from '../../lab/wait.ts'
import { startLab } from './database.ts'

const lab = await startLab(t)
const USAGE = 'insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, has_ended)'

t.test('insert, update and delete are captured with the row before and after', async (t) => {
  const db = await lab.captured()
  await db.sql(`${USAGE} values (1, 1, 1, 1, 0)`)
  await db.sql(`update "NEMO_usageevent" set "end" = '2026-03-01 12:00:00.123456+02'`)
  await db.sql('delete from "NEMO_usageevent"')
  const [inserted, updated, deleted, ...more] = await db.changes()
  t.match(inserted, { tbl: 'NEMO_usageevent', op: 'INSERT', old: null, new: { id: 1, end: null, tool_id: 1 } })
  t.match(updated, { op: 'UPDATE', old: { id: 1, end: null }, new: { end: '2026-03-01T10:00:00.123456+00:00' } })
  t.match(deleted, { op: 'DELETE', old: { id: 1, tool_id: 1 }, new: null })
  t.strictSame(more, [])
  t.hasStrict(inserted?.new, { remote_work: false, training: false })
  t.notOk('run_data' in (inserted?.new ?? {}), 'noise is not kept')
  const [row] = await db.sql<{ age: number }>(
    'select extract(epoch from clock_timestamp() - at)::float as age from nemo_mqtt.change_log limit 1',
  )
  t.ok((row?.age ?? 99) < 10, 'with the time of the change')
})

t.test('an update that changes nothing, or noise alone, is not captured', async (t) => {
  const db = await lab.captured()
  await db.sql(`${USAGE} values (1, 1, 1, 1, 0)`)
  t.strictSame(await db.captured('update "NEMO_usageevent" set start = start, note = note'), [])
  t.strictSame(await db.captured(`update "NEMO_usageevent" set note = 'x', validated = true, has_ended = 7`), [])
  t.strictSame(await db.captured(`update "NEMO_usageevent" set run_data = '{"a": 1}'`), [])
  t.strictSame(await db.captured('update "NEMO_area" set lft = 5, rght = 6, level = 1, tree_id = 9'), [])
  t.strictSame(await db.captured('update "NEMO_usageevent" set remote_work = true, note = null'), [
    'UPDATE NEMO_usageevent',
  ])
  t.strictSame(await db.captured(`insert into "NEMO_task" (tool_id, creator_id) values (1, 1)`), ['INSERT NEMO_task'])
  t.strictSame(await db.captured('update "NEMO_task" set urgency = urgency'), [], 'nor in a table without noise')
  t.strictSame(await db.captured('update "NEMO_task" set urgency = 1'), ['UPDATE NEMO_task'])
})

t.test('C09: a large row neither fails nor is cut', async (t) => {
  const db = await lab.captured()
  const listener = await db.again()
  t.teardown(() => listener.close())
  const heard = await listener.listen()
  const text = 'ä'.repeat(50_000)
  await db.sql('insert into "NEMO_task" (tool_id, creator_id, problem_description) values (1, 1, $1)', [text])
  const [task] = await db.changes()
  t.equal(task?.new?.problem_description, text)
  await until(() => heard.length, { what: 'the notification' })
  t.strictSame(heard, ['nemo_mqtt:'], 'the notification carries nothing')
  await db.sql('update "NEMO_task" set problem_description = $1', ['b'.repeat(1_000_000)])
  t.equal(String((await db.changes()).at(-1)?.new?.problem_description).length, 1_000_000, 'a megabyte too')
})

t.test('C11: many changes of one transaction are all captured and wake once', async (t) => {
  const db = await lab.captured()
  const listener = await db.again()
  t.teardown(() => listener.close())
  const heard = await listener.listen()
  await db.sql(
    `begin; ${USAGE} select 1, 1, 1, 1, g from generate_series(1, 40) g; ${USAGE} values (1, 1, 1, 1, 41); commit`,
  )
  await db.sql(`notify nemo_mqtt, 'then'; begin`)
  for (let i = 42; i <= 50; i += 1) await db.sql(`savepoint s; ${USAGE} values (1, 1, 1, 1, ${i}); release s`)
  await db.sql(`commit; notify nemo_mqtt, 'end'`)
  t.equal((await db.changes()).length, 50)
  await until(() => heard.includes('nemo_mqtt:end'), { what: 'the last notification' })
  t.equal(heard.indexOf('nemo_mqtt:then'), 1, 'one for all rows of a transaction')
  const [server] = await db.sql<{ version: number }>(`select current_setting('server_version_num')::int as version`)
  // PostgreSQL 12 does not fold what comes from NEMO's own savepoints.
  t.equal(heard.length - 3, (server?.version ?? 0) < 130_000 ? 9 : 1, 'with savepoints too')
})

t.test('a rolled back change leaves no trace, a released savepoint stays', async (t) => {
  const db = await lab.captured()
  const update = (name: string) => `update "NEMO_tool" set name = '${name}' where id = 1;`
  t.strictSame(await db.captured(`begin; ${update('a')} rollback`), [])
  await db.captured(`begin; ${update('a')} savepoint s; ${update('b')} rollback to s; ${update('c')} savepoint u;
    ${update('d')} release u; commit`)
  t.strictSame(
    (await db.changes()).map((change) => change.new?.name),
    ['a', 'c', 'd'],
  )
})

t.test('a dropped connection in a transaction leaves no trace', async (t) => {
  const db = await lab.captured()
  const other = await db.again()
  await other.sql(`begin; update "NEMO_tool" set name = 'gone' where id = 1`)
  const [self] = await other.sql<{ pid: number }>('select pg_backend_pid() as pid')
  await db.sql('select pg_terminate_backend($1)', [self?.pid])
  await until(async () => (await db.sql('select from pg_stat_activity where pid = $1', [self?.pid])).length === 0, {
    what: 'the end of the session',
  })
  t.strictSame(await db.changes(), [])
})

t.test('COPY is captured', async (t) => {
  const db = await lab.captured()
  const rows = String.raw`printf '71\tone\n72\ttwo\n'`.replaceAll("'", "''")
  t.strictSame(await db.captured(`copy "NEMO_tool" (id, name) from program '${rows}'`), [
    'INSERT NEMO_tool',
    'INSERT NEMO_tool',
  ])
})

t.test('C26: TRUNCATE is one captured change without a row', async (t) => {
  const db = await lab.captured()
  await db.sql(`${USAGE} select 1, 1, 1, 1, g from generate_series(1, 5) g`)
  t.strictSame(await db.captured('truncate "NEMO_usageevent" cascade'), ['TRUNCATE NEMO_usageevent'])
  t.match((await db.changes())[0], { old: null, new: null })
  const all = await db.captured('truncate "NEMO_tool" cascade')
  t.ok(all.includes('TRUNCATE NEMO_tool') && all.includes('TRUNCATE NEMO_usageevent'), 'cascades tell themselves')
  t.strictSame(db.warnings, [])
})

t.test('C27: an upsert is captured as what it did', async (t) => {
  const db = await lab.captured()
  const upsert = `insert into "NEMO_tool" (name) select name from "NEMO_tool" where id = 1 on conflict (name)`
  t.strictSame(await db.captured(`${upsert} do update set visible = false`), ['UPDATE NEMO_tool'])
  t.strictSame(await db.captured(`${upsert} do nothing`), [])
})

t.test('C29: columns without an equality operator do no harm', async (t) => {
  const db = await lab.captured()
  await db.sql(`alter table "NEMO_tool" add plugin json default '{"a":1}', add outline polygon default '((0,0),(1,1))'`)
  t.strictSame(await db.captured('update "NEMO_tool" set name = name'), [])
  t.strictSame(await db.captured(`update "NEMO_tool" set image = 'noise' where id = 1`), [])
  t.strictSame(await db.captured(`update "NEMO_tool" set plugin = '{"a":2}' where id = 1`), ['UPDATE NEMO_tool'])
  t.strictSame(await db.captured(`update "NEMO_tool" set outline = '((0,0),(2,1))' where id = 1`), ['UPDATE NEMO_tool'])
  t.strictSame(db.warnings, [])
})

t.test('C30: \\u0000 in stored JSON does no harm and is replaced', async (t) => {
  const db = await lab.captured()
  await db.sql('alter table "NEMO_task" add plugin json')
  await db.sql(`insert into "NEMO_task" (tool_id, creator_id) values (1, 1)`)
  await db.sql('truncate nemo_mqtt.change_log')
  const written = String.raw`{"q":"\u0000"}`
  await db.sql('update "NEMO_task" set problem_description = $1', [written])
  t.equal((await db.changes()).at(-1)?.new?.problem_description, written, 'text is text, whatever is in it')
  const plugin = String.raw`{"q":"\u0000\u0000 \\u0000 \\\u0000","\u0000":[1.50]}`
  await db.sql('update "NEMO_task" set plugin = $1', [plugin])
  const change = (await db.changes()).at(-1)
  t.strictSame(change?.new?.plugin, { q: '\ufffd\ufffd \\u0000 \\\ufffd', '\ufffd': [1.5] })
  t.equal(change?.new?.problem_description, written, 'and stays so beside it')
  t.strictSame(await db.captured('update "NEMO_task" set urgency = urgency'), [], 'unchanged is unchanged')
  t.strictSame(await db.captured('update "NEMO_task" set urgency = 1'), ['UPDATE NEMO_task'], 'later events flow')
  t.strictSame(db.warnings, [])
})

t.test('a row that jsonb cannot hold is captured with its id alone', async (t) => {
  const db = await lab.captured()
  await db.sql('alter table "NEMO_task" add plugin json')
  await db.sql(`insert into "NEMO_task" (id, tool_id, creator_id, plugin) values (7, 1, 1, '[1e999999]')`)
  await db.sql(`update "NEMO_task" set plugin = '["\\ud800"]'`)
  await db.sql('delete from "NEMO_task"')
  t.match(await db.changes(), [
    { op: 'INSERT', old: null, new: { id: 7 } },
    { op: 'UPDATE', old: { id: 7 }, new: { id: 7 } },
    { op: 'DELETE', old: { id: 7 }, new: null },
  ])
  t.strictSame(Object.keys((await db.changes())[0]?.new ?? {}), ['id'])
  t.strictSame(db.warnings, [])
})

t.test('infinity, times before Christ, NaN and huge numbers are captured', async (t) => {
  const db = await lab.captured()
  await db.sql('alter table "NEMO_tool" add odd numeric, add "float" float8, alter id type bigint')
  await db.sql(`insert into "NEMO_tool" (id, name, odd, "float") values (9007199254740993, 'big', 'NaN', '-infinity')`)
  await db.sql(`insert into "NEMO_reservation" (start, "end", user_id, creator_id, tool_id)
    values ('-infinity', 'infinity', 1, 1, 1), ('0044-03-15 BC', '2026-01-01', 1, 1, 1)`)
  const [tool, endless, ancient] = await db.changes()
  const [id] = await db.sql(`select new ->> 'id' as digits from nemo_mqtt.change_log limit 1`)
  t.strictSame(id, { digits: '9007199254740993' })
  t.match(tool?.new, { odd: 'NaN', float: '-Infinity' })
  t.match(endless?.new, { start: '-infinity', end: 'infinity' })
  t.match(ancient?.new, { start: '0044-03-15T00:00:00+00:00 BC' })
})

t.test('C34: a row from before the installation is deleted with its name', async (t) => {
  const db = await lab.captured()
  await db.sql(`set session_replication_role = replica; insert into "NEMO_tool" (id, name) values (99, 'old');
    insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id) values (99, 1, 1, 1); reset session_replication_role`)
  await db.sql(`begin; delete from "NEMO_usageevent" where tool_id = 99; delete from "NEMO_tool" where id = 99; commit`)
  t.match(await db.changes(), [
    { op: 'DELETE', tbl: 'NEMO_usageevent', old: { tool_id: 99 } },
    { op: 'DELETE', tbl: 'NEMO_tool', old: { id: 99, name: 'old' } },
  ])
})

t.test('of a user nothing but being active is captured, and a login writes nothing', async (t) => {
  const db = await lab.captured()
  t.strictSame(await db.captured(`update "NEMO_user" set last_login = now(), email = 'x@lab.example', notes = 'n'`), [])
  await db.sql('update "NEMO_user" set is_active = false, first_name = $1 where id = 1', ['Secret'])
  const [change] = await db.changes()
  t.match(change, { tbl: 'NEMO_user', op: 'UPDATE' })
  t.strictSame(
    [change?.old, change?.new],
    [
      { id: 1, is_active: true },
      { id: 1, is_active: false },
    ],
  )
})
