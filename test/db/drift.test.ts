import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NEEDED_COLUMNS } from '../../src/db/columns.ts'
import type { DriftCode } from '../../src/db/drift.ts'
import { findDrift, findNotices } from '../../src/db/find-drift.ts'
import { migrate } from '../../src/db/migrate.ts'
import { migrationFiles, shippedWatches } from '../../src/db/sql-files.ts'
import { MAPPED_TABLES } from '../../src/map/index.ts'
import { LOOKUP_TABLES, type LookupTable } from '../../src/map/lookup-tables.ts'
import { SOURCE_NAMES, SOURCES } from '../../src/state/sources.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { silent, sorted, startLab } from './database.ts'

const lab = await startLab(t)

interface Damage {
  readonly sql: string
  readonly expected: readonly (DriftCode | `${DriftCode} ${string}`)[]
  /** Whether `migrate` puts it right. */
  readonly isRepaired: boolean
}

const FUNCTION = 'nemo_mqtt.tg_capture()'
const DAMAGES: Readonly<Record<string, Damage>> = {
  'a dropped trigger': {
    sql: 'drop trigger nemo_mqtt_capture on "NEMO_tool"',
    expected: ['trigger_missing NEMO_tool'],
    isRepaired: true,
  },
  'a dropped TRUNCATE trigger': {
    sql: 'drop trigger nemo_mqtt_capture_truncate on "NEMO_area"',
    expected: ['trigger_missing NEMO_area'],
    isRepaired: true,
  },
  'disabled triggers': {
    sql: 'alter table "NEMO_tool" disable trigger all',
    expected: ['trigger_disabled NEMO_tool', 'trigger_disabled NEMO_tool'],
    isRepaired: true,
  },
  'a trigger for replicas only': {
    sql: 'alter table "NEMO_tool" enable replica trigger nemo_mqtt_capture',
    expected: ['trigger_disabled NEMO_tool'],
    isRepaired: true,
  },
  'a trigger that fires in replicas too': {
    sql: 'alter table "NEMO_tool" enable always trigger nemo_mqtt_capture',
    expected: ['trigger_changed NEMO_tool'],
    isRepaired: true,
  },
  'a trigger with other noise': {
    sql: `drop trigger nemo_mqtt_capture on "NEMO_task"; create trigger nemo_mqtt_capture after insert or update or delete
      on "NEMO_task" for each row execute function ${FUNCTION.slice(0, -2)}('title')`,
    expected: ['trigger_changed NEMO_task'],
    isRepaired: true,
  },
  'a trigger on some columns': {
    sql: `drop trigger nemo_mqtt_capture on "NEMO_task"; create trigger nemo_mqtt_capture after insert or delete or update of urgency
      on "NEMO_task" for each row execute function ${FUNCTION}`,
    expected: ['trigger_changed NEMO_task'],
    isRepaired: true,
  },
  'a trigger of somebody else’s function': {
    sql: `create schema other; create function other.tg_capture() returns trigger language plpgsql as 'begin return null; end';
      drop trigger nemo_mqtt_capture on "NEMO_task"; create trigger nemo_mqtt_capture after insert or delete or update
      on "NEMO_task" for each row execute function other.tg_capture()`,
    expected: ['trigger_changed NEMO_task'],
    isRepaired: true,
  },
  'a recreated table': {
    sql: `alter table "NEMO_usageevent" rename to gone; create table "NEMO_usageevent" (like gone including all); drop table gone`,
    expected: ['trigger_missing NEMO_usageevent', 'trigger_missing NEMO_usageevent'],
    isRepaired: true,
  },
  'a renamed table': {
    sql: 'alter table "NEMO_task" rename to "NEMO_problem"',
    expected: ['table_missing NEMO_task'],
    isRepaired: false,
  },
  'a NEMO that is gone': {
    sql: `do $$ declare t record; begin for t in select tablename from pg_tables where tablename ~ 'NEMO' loop
      execute format('drop table %I cascade', t.tablename); end loop; end $$`,
    expected: ['table_missing'],
    isRepaired: false,
  },
  'an older function': {
    sql: `create or replace function ${FUNCTION} returns trigger language plpgsql security definer set search_path = ''
      set lock_timeout = '1s' as 'begin return null; end'`,
    expected: ['function_changed'],
    isRepaired: true,
  },
  'a function without its search_path': {
    sql: `alter function ${FUNCTION} reset search_path`,
    expected: ['function_changed'],
    isRepaired: true,
  },
  'a function with the rights of the caller': {
    sql: `alter function ${FUNCTION} security invoker`,
    expected: ['function_changed'],
    isRepaired: true,
  },
  'a dropped function': {
    sql: `drop function ${FUNCTION} cascade`,
    expected: ['function_missing', ...shippedWatches(migrationFiles()).flatMap(() => Array(2).fill('trigger_missing'))],
    isRepaired: true,
  },
  'a dropped log': {
    sql: 'drop table nemo_mqtt.change_log',
    expected: ['log_missing'],
    isRepaired: true,
  },
  'a renamed log': {
    sql: 'alter table nemo_mqtt.change_log rename to elsewhere',
    expected: ['log_missing'],
    isRepaired: true,
  },
  'a log that lost a column': {
    sql: 'alter table nemo_mqtt.change_log drop column op',
    expected: ['log_unusable'],
    isRepaired: false,
  },
  'a log with a constraint': {
    sql: 'alter table nemo_mqtt.change_log add constraint picky check (length(tbl) < 5) not valid',
    expected: ['log_unusable'],
    isRepaired: false,
  },
  'a log with a trigger': {
    sql: `create trigger slow before insert on nemo_mqtt.change_log for each row execute function ${FUNCTION}`,
    expected: ['log_unusable'],
    isRepaired: false,
  },
  'a function whose owner may not write': {
    sql: `create role keeper; grant usage, create on schema nemo_mqtt to keeper; alter function ${FUNCTION} owner to keeper`,
    expected: ['log_unusable'],
    isRepaired: false,
  },
  'a table that is not watched': {
    sql: `delete from nemo_mqtt.watched_table where tbl = 'NEMO_task'`,
    expected: ['watch_missing NEMO_task'],
    isRepaired: true,
  },
  'a renamed column': {
    sql: 'alter table "NEMO_tool" rename operational to works; alter table "NEMO_user" drop column first_name',
    expected: ['column_missing NEMO_tool', 'column_missing NEMO_user'],
    isRepaired: false,
  },
  'no schema of ours': { sql: 'drop schema nemo_mqtt cascade', expected: ['schema_missing'], isRepaired: true },
  'half a schema of ours': {
    sql: 'drop table nemo_mqtt.watched_table, nemo_mqtt.installation',
    expected: ['schema_missing'],
    isRepaired: true,
  },
}

t.test('nothing is found where nothing is amiss', async (t) => {
  const db = await lab.captured()
  t.strictSame(await findDrift(db), [])
  await db.sql('set search_path = nemo_mqtt, public') // pg_get_triggerdef then leaves the schema out
  t.strictSame(await findDrift(db), [])
})

for (const [what, { sql, expected, isRepaired }] of Object.entries(DAMAGES)) {
  t.test(`C22: ${what} is found${isRepaired ? ' and repaired by migrate' : ''}`, async (t) => {
    const db = await lab.captured()
    await db.sql(sql)
    const drift = await findDrift(db)
    const told = drift.map(({ code, table }) =>
      table === undefined || code === 'function_missing' ? code : `${code} ${table}`,
    )
    const short = told.map((line) => (expected.includes(line as DriftCode) ? line : line.split(' ')[0]))
    t.strictSame(sorted(short.map(String)), sorted(expected), JSON.stringify(drift))
    for (const one of drift) t.ok(one.found.length > 20 && one.remedy.length > 10, one.found)
    if (what === 'a NEMO that is gone') return
    const lines: string[] = []
    const { drift: left } = await migrate({ url: db.url, print: (line) => lines.push(line) })
    t.strictSame(left, await findDrift(db))
    t.equal(left.length === 0, isRepaired, lines.join('\n'))
    if (isRepaired) {
      t.strictSame(await db.captured(`insert into "NEMO_task" (tool_id, creator_id) values (1, 1)`), [
        'INSERT NEMO_task',
      ])
    }
    if (isRepaired && told[0] !== 'schema_missing') t.match(lines.join('\n'), /repaired: /)
  })
}

t.test('what migrate cannot repair goes away with the remedy that is named', async (t) => {
  for (const what of ['a log with a constraint', 'a log with a trigger', 'a function whose owner may not write']) {
    const db = await lab.captured()
    await db.sql(DAMAGES[what]?.sql.replaceAll('keeper', 'keeper_again') ?? '')
    const [drift] = await findDrift(db)
    await db.sql(drift?.remedy ?? '')
    t.strictSame(await findDrift(db), [], `${what}: ${drift?.remedy}`)
  }
})

t.test('a paused capture is found wherever it is set', async (t) => {
  const db = await lab.captured()
  await db.sql('create role loader')
  for (const [set, place] of [
    [`alter database "${db.name}" set nemo_mqtt.capture = off`, 'in this database'],
    ['alter role loader set nemo_mqtt.capture = off', 'for role loader'],
    [`alter role loader in database "${db.name}" set nemo_mqtt.capture = off`, 'for role loader in this database'],
  ] as const) {
    await db.sql(set)
    const drift = await findDrift(db)
    t.match(drift, [{ code: 'capture_paused', found: `capture is off ${place}: changes are missed` }])
    await db.sql(drift[0]?.remedy ?? '')
    t.strictSame(await findDrift(db), [])
  }
  await db.sql('set nemo_mqtt.capture = off') // as a session sees what is in postgresql.conf
  t.match(await findDrift(db), [{ code: 'capture_paused', found: /configuration of the server/ }])
  await db.sql('reset nemo_mqtt.capture')
  t.strictSame(await findNotices(db), [])
  await db.sql(`alter database "${db.name}" set nemo_mqtt.notify = off`)
  t.match(await findNotices(db), [/notifications are off in this database/])
  t.strictSame(await findDrift(db), [], 'which loses nothing')
})

t.test('noise that a laboratory has added stays', async (t) => {
  const db = await lab.captured()
  await db.sql(`select nemo_mqtt.watch('NEMO_task', 'urgency')`)
  t.strictSame(await findDrift(db), [])
  await db.sql('drop trigger nemo_mqtt_capture on "NEMO_task"')
  await migrate({ url: db.url, print: silent })
  await db.sql(`insert into "NEMO_task" (tool_id, creator_id) values (1, 1)`)
  t.strictSame(await db.captured('update "NEMO_task" set urgency = 1'), [])
})

t.test('watching one more table is one line of SQL', async (t) => {
  const db = await lab.captured()
  await db.sql(`select nemo_mqtt.watch('NEMO_project', 'name', 'active')`)
  t.strictSame(
    await db.captured(
      `update "NEMO_project" set name = name || '.'; update "NEMO_project" set account_id = 77 where id = 1`,
    ),
    ['UPDATE NEMO_project'],
  )
  await db.sql(`select nemo_mqtt.watch('NEMO_later')`)
  t.match(await findDrift(db), [{ code: 'table_missing', table: 'NEMO_later' }])
  await db.sql('create table "NEMO_later" (id int)')
  t.match(await findDrift(db), [{ code: 'trigger_missing' }, { code: 'trigger_missing' }])
  t.strictSame((await migrate({ url: db.url, print: silent })).drift, [])
  t.strictSame(await db.captured('insert into "NEMO_later" values (1)'), ['INSERT NEMO_later'])
})

t.test('watching a table that is watched takes no lock', async (t) => {
  const db = await lab.captured()
  const nemo = await db.again()
  t.teardown(() => nemo.close())
  await nemo.sql('begin; lock table "NEMO_task" in row exclusive mode')
  await db.sql(`select nemo_mqtt.watch('NEMO_task')`)
  await nemo.sql('commit')
})

t.test('the lists of tables and columns agree with the mappers and the lookup', (t) => {
  t.strictSame(sorted(shippedWatches(migrationFiles()).map(({ table }) => table)), sorted(MAPPED_TABLES))
  for (const table of MAPPED_TABLES) t.ok(NEEDED_COLUMNS[table], table)
  const granted = readFileSync(join(PACKAGE_ROOT, 'sql', '000004_service_role.sql'), 'utf8')
  const lookups: LookupTable[] = Object.values(LOOKUP_TABLES)
  for (const { table, key = 'id', columns } of lookups) {
    for (const column of [key, ...columns])
      t.ok(NEEDED_COLUMNS[table]?.includes(column), `${table}.${column} is checked`)
  }
  // What is looked up and what states are made from, and no more.
  const read = [
    ...lookups.map(({ table, key = 'id', columns }) => [table, [key, ...columns]] as const),
    ...SOURCE_NAMES.map((name) => [SOURCES[name].table, [...SOURCES[name].needs, ...SOURCES[name].may]] as const),
  ]
  const expected = new Map<string, Set<string>>()
  for (const [table, columns] of read) {
    expected.set(table, new Set([...(expected.get(table) ?? []), ...columns]))
  }
  const lists = new Map(
    [...granted.matchAll(/'(NEMO_\w+)', array\[([^\]]*)\]/g)].map(([, table = '', list = '']) => [table, list]),
  )
  t.strictSame(sorted(lists.keys()), sorted(expected.keys()), 'the tables of which columns are granted')
  for (const [table, list] of lists) {
    t.strictSame(sorted([...list.matchAll(/\w+/g)].map(String)), sorted(expected.get(table) ?? []), `of ${table}`)
  }
  t.end()
})
