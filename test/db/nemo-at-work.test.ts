import t from 'tap'
import { until } from '../../lab/wait.ts'
import { migrate } from '../../src/db/migrate.ts'
import { silent, startLab } from './database.ts'

const lab = await startLab(t)
const USAGE = 'insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, has_ended)'

t.test('capture can be paused for a session, a role, a database and a transaction', async (t) => {
  const db = await lab.captured()
  const update = `update "NEMO_tool" set name = name || '!' where id = 1`
  t.strictSame(await db.captured(`set nemo_mqtt.capture = off; ${update}; truncate "NEMO_task"`), [])
  t.strictSame(await db.captured(`reset nemo_mqtt.capture; ${update}`), ['UPDATE NEMO_tool'])
  t.strictSame(await db.captured(`begin; set local nemo_mqtt.capture = off; ${update}; commit; ${update}`), [
    'UPDATE NEMO_tool',
  ])
  await db.sql(`alter database "${db.name}" set nemo_mqtt.capture = off; create role loader superuser login;
    alter role loader in database "${db.name}" set nemo_mqtt.capture = on`)
  const [later, loader] = [await db.again(), await db.again('loader')]
  t.teardown(() => Promise.all([later.close(), loader.close()]))
  t.strictSame(await later.captured(update), [])
  t.strictSame(await loader.captured(update), ['UPDATE NEMO_tool'])
})

t.test('a session that replays a replica is not captured', async (t) => {
  const db = await lab.captured()
  const update = `update "NEMO_tool" set name = name || '!' where id = 1`
  t.strictSame(await db.captured(`set session_replication_role = replica; ${update}`), [])
  t.strictSame(await db.captured(`reset session_replication_role; ${update}`), ['UPDATE NEMO_tool'])
})

t.test('notifications can be switched off; changes are captured all the same', async (t) => {
  const db = await lab.captured()
  const listener = await db.again()
  t.teardown(() => listener.close())
  const heard = await listener.listen()
  await db.sql(`set nemo_mqtt.notify = off; update "NEMO_tool" set name = 'a' where id = 1; notify nemo_mqtt, 'end'`)
  await until(() => heard.length, { what: 'the last notification' })
  t.strictSame(heard, ['nemo_mqtt:end'])
  t.equal((await db.changes()).length, 1)
})

t.test('settings of the writing session do not matter', async (t) => {
  const db = await lab.captured()
  await db.sql('alter table "NEMO_task" add plugin json')
  const odd = await db.again()
  t.teardown(() => odd.close())
  await odd.sql(`set standard_conforming_strings = off; set escape_string_warning = on; set search_path = '';
    set plpgsql.extra_errors = 'all'; set datestyle = 'German'; set intervalstyle = sql_standard; set bytea_output = escape;
    set xmloption = document; set statement_timeout = '1min'; set lock_timeout = '10ms'; set timezone = 'Asia/Kathmandu'`)
  await odd.sql(`insert into public."NEMO_task" (tool_id, creator_id, creation_time, plugin)
    values (1, 1, '2026-03-01 00:00+00', E'"\\\\u0000"')`)
  const [task] = await db.changes()
  t.match(task?.new, { plugin: '\ufffd', creation_time: '2026-03-01T05:45:00+05:45' })
  t.strictSame(odd.warnings, [])
  const [after] = await odd.sql<{ lock: string; path: string }>(
    `select current_setting('lock_timeout') as lock, current_setting('search_path') as path`,
  )
  t.strictSame(after, { lock: '10ms', path: '""' }, 'and are left as they were')
})

t.test('C23: NEMO’s own role needs no right of ours and has none', async (t) => {
  const db = await lab.nemo()
  await db.sql(`create role nemo_app login; grant usage on schema public to nemo_app;
    grant select, insert, update, delete on all tables in schema public to nemo_app;
    alter default privileges grant all on tables to nemo_app; alter default privileges grant all on sequences to nemo_app;
    alter default privileges grant usage on schemas to nemo_app; alter default privileges grant all on functions to nemo_app`)
  await migrate({ url: db.url, print: silent })
  const app = await db.again('nemo_app')
  t.teardown(() => app.close())
  await app.sql(`${USAGE} overriding user value values (1, 2, 2, 1, 0)`)
  await app.sql(`update "NEMO_tool" set name = 'renamed' where id = 1`)
  await app.sql(`begin; delete from "NEMO_usageevent" where user_id = 2; commit`)
  t.strictSame(
    (await db.changes()).map(({ op, tbl }) => `${op} ${tbl}`),
    ['INSERT NEMO_usageevent', 'UPDATE NEMO_tool', 'DELETE NEMO_usageevent'],
  )
  t.strictSame(app.warnings, [])
  for (const forbidden of [
    'select from nemo_mqtt.change_log',
    'delete from nemo_mqtt.change_log',
    'truncate nemo_mqtt.change_log',
    `insert into nemo_mqtt.change_log (tbl, op) values ('NEMO_tool', 'DELETE')`,
    `select nextval('nemo_mqtt.change_log_id_seq')`,
    'select from nemo_mqtt.installation',
    `select nemo_mqtt.watch('NEMO_tool')`,
    'create temp table mine (id int); create trigger t after insert on mine execute function nemo_mqtt.tg_capture()',
  ]) {
    await t.rejects(app.sql(forbidden), { code: '42501' }, forbidden)
  }
})

t.test('C94: an upgrade that rewrites history is not captured and not hindered', async (t) => {
  const db = await lab.nemo()
  await db.sql('alter table "NEMO_usageevent" drop constraint unique_tool_has_ended, drop has_ended')
  await migrate({ url: db.url, print: silent })
  await db.sql(
    `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id) select 1, 1, 1, 1 from generate_series(1, 10000)`,
  )
  await db.sql('truncate nemo_mqtt.change_log')
  await db.sql(`begin;
    alter table "NEMO_usageevent" add has_ended bigint default 0 not null;
    alter table "NEMO_usageevent" alter has_ended drop default;
    do $$ declare usage record; begin
      for usage in select id from "NEMO_usageevent" loop
        update "NEMO_usageevent" set has_ended = usage.id where id = usage.id;
      end loop; end $$;
    alter table "NEMO_usageevent" add constraint unique_tool_has_ended unique (tool_id, has_ended);
    commit`)
  t.strictSame(await db.changes(), [])
  t.strictSame(db.warnings, [])
})

t.test('C18, C19: NEMO may alter, rename and drop columns, and goes on being captured', async (t) => {
  const db = await lab.captured()
  await db.sql(`update "NEMO_tool" set name = 'before' where id = 1`) // this session has the function’s plans cached
  for (const alteration of [
    'alter column name type varchar(500)',
    'alter column category type text',
    'drop column serial cascade',
    'rename column operational to works',
    `add column brand_new integer not null default 5`,
    'rename column location to place',
  ]) {
    const written = await db.captured(
      `alter table "NEMO_tool" ${alteration}; update "NEMO_tool" set name = name || '.' where id = 1`,
    )
    t.strictSame(written, ['UPDATE NEMO_tool'], alteration)
    // Each row once: NEMO's own deferred foreign keys forbid to alter a table after a row was written twice.
    t.strictSame(
      await db.captured(`begin; update "NEMO_tool" set name = name || '.' where id = 1;
        alter table "NEMO_tool" add column temporary integer; update "NEMO_tool" set temporary = 1 where id = 2;
        alter table "NEMO_tool" drop column temporary; update "NEMO_tool" set name = name || '.' where id = 3; commit`),
      Array(3).fill('UPDATE NEMO_tool'),
      `${alteration}, and within one transaction`,
    )
  }
  t.match((await db.changes()).at(-1)?.new, { brand_new: 5, works: true })
  await db.sql('alter table "NEMO_usageevent" drop column note; alter table "NEMO_usageevent" rename start to began')
  t.strictSame(await db.captured(`${USAGE} values (1, 1, 1, 1, 99)`), ['INSERT NEMO_usageevent'])
  await db.sql('alter table "NEMO_tool" rename id to tool_number')
  t.strictSame(await db.captured(`update "NEMO_tool" set name = 'no id' where tool_number = 1`), ['UPDATE NEMO_tool'])
  await db.sql('alter table "NEMO_tool" rename to "NEMO_machine"')
  t.strictSame(await db.captured(`update "NEMO_machine" set name = 'moved' where tool_number = 1`), [
    'UPDATE NEMO_machine',
  ])
  t.strictSame(db.warnings, [])
})
