import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { until } from '../../lab/wait.ts'
import { findDrift } from '../../src/db/find-drift.ts'
import { migrate } from '../../src/db/migrate.ts'
import { migrationFiles, shippedWatches } from '../../src/db/sql-files.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { silent, sorted, startLab, type TestDatabase } from './database.ts'

const lab = await startLab(t)
const FILES = readdirSync(join(PACKAGE_ROOT, 'sql')).filter((name) => /^\d/.test(name))
const needsClients = lab.hasClientPrograms ? {} : { skip: 'this PostgreSQL has neither psql nor pg_dump' }

/** The rows of our own tables, without what is random or a time. */
async function ownRows(db: TestDatabase): Promise<unknown> {
  const rows: Record<string, unknown> = {}
  for (const table of ['kysely_migration', 'kysely_migration_lock', 'installation', 'watched_table', 'service_role']) {
    rows[table] = (
      await db.sql(`select to_jsonb(t) - 'timestamp' - 'granted' as row from nemo_mqtt.${table} t order by 1`)
    ).map(({ row }) => (table === 'installation' ? '' : row))
  }
  const [times] = await db.sql<{ odd: string }>(
    String.raw`select count(*) as odd from nemo_mqtt.kysely_migration where "timestamp" !~ '^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$'`,
  )
  t.equal(times?.odd, '0', 'times as Kysely writes them')
  return rows
}

t.test(
  'psql -f of every file ends in the same state as migrate, and either may follow the other',
  needsClients,
  async (t) => {
    const [byPsql, byMigrate, byPsqlHalf] = [await lab.nemo(), await lab.nemo(), await lab.nemo()]
    for (const file of FILES) await byPsql.psql(join(PACKAGE_ROOT, 'sql', file))
    for (const file of FILES.slice(0, 5)) await byPsqlHalf.psql(join(PACKAGE_ROOT, 'sql', file))
    await migrate({ url: byMigrate.url, print: silent })
    const half = await migrate({ url: byPsqlHalf.url, print: silent })
    t.equal(half.applied.length, FILES.length - 5, 'migrate goes on where psql stopped')
    const dump = await byMigrate.dump()
    const rows = await ownRows(byMigrate)
    for (const other of [byPsql, byPsqlHalf]) {
      t.equal(await other.dump(), dump)
      t.strictSame(await ownRows(other), rows)
    }
    t.match(rows, { kysely_migration: FILES.map((file) => ({ name: file.slice(0, -4) })) })

    const [before] = await byMigrate.sql('select id from nemo_mqtt.installation')
    for (const file of FILES) await byMigrate.psql(join(PACKAGE_ROOT, 'sql', file))
    t.strictSame((await migrate({ url: byPsql.url, print: silent })).applied, [])
    for (const again of [byPsql, byMigrate]) {
      t.equal(await again.dump(), dump)
      t.strictSame(await ownRows(again), rows)
    }
    t.strictSame(
      await byMigrate.sql('select id from nemo_mqtt.installation'),
      [before],
      'the installation id is made once',
    )
  },
)

t.test('a second migrate changes nothing at all', async (t) => {
  const db = await lab.captured()
  const state = () =>
    db.sql(`select (select array_agg(xmin::text order by oid) from pg_class where relnamespace = 'nemo_mqtt'::regnamespace) as tables,
      (select array_agg(xmin::text order by oid) from pg_proc where pronamespace = 'nemo_mqtt'::regnamespace) as functions,
      (select array_agg(oid order by oid) from pg_trigger) as triggers, (select array_agg(t) from nemo_mqtt.kysely_migration t) as rows`)
  const before = await state()
  const lines: string[] = []
  t.strictSame(await migrate({ url: db.url, print: (line) => lines.push(line) }), { applied: [], drift: [] })
  t.strictSame(await state(), before)
  t.strictSame(lines, ['every migration is applied already'])
})

t.test('two migrates at once', async (t) => {
  for (let round = 0; round < 3; round += 1) {
    const db = await lab.nemo()
    const both = await Promise.all([1, 2].map(() => migrate({ url: db.url, print: silent })))
    const names = both.flatMap(({ applied }) => applied)
    t.strictSame(
      sorted(names),
      migrationFiles().map(({ name }) => name),
      'each file once',
    )
    t.strictSame(await findDrift(db), [])
    await db.sql('drop trigger nemo_mqtt_capture on "NEMO_tool"')
    await Promise.all([1, 2].map(() => migrate({ url: db.url, print: silent })))
    t.strictSame(await findDrift(db), [])
  }
})

t.test('two sessions that watch one table at once take turns', async (t) => {
  const db = await lab.captured()
  const other = await db.again()
  t.teardown(() => other.close())
  await db.sql('drop trigger nemo_mqtt_capture on "NEMO_task"; begin')
  const watch = `select nemo_mqtt.watch('NEMO_task')`
  await db.sql(watch)
  const second = other.sql(watch)
  await until(async () => (await db.sql('select from pg_locks where not granted')).length > 0, { what: 'the wait' })
  await db.sql('commit')
  await second
  t.strictSame(await findDrift(db), [])
})

t.test('a database without NEMO is left as it was', async (t) => {
  const db = await lab.copy('template0')
  await t.rejects(migrate({ url: db.url, print: silent }), { code: 'NEMO_MQTT_ERR_NOT_NEMO', hint: /DATABASE_URL/ })
  t.strictSame(await db.sql(`select from pg_namespace where nspname = 'nemo_mqtt'`), [])
  for (const { sql } of migrationFiles()) {
    await t.rejects(db.sql(sql), /there is no NEMO in database "test_|nemo_mqtt/)
  }
  t.strictSame(await db.sql(`select from pg_namespace where nspname = 'nemo_mqtt'`), [], 'nor by the files alone')
})

t.test('NEMO in another schema, and two NEMOs', async (t) => {
  const db = await lab.nemo()
  await db.sql('create schema "Lab 1"; alter table "NEMO_tool" set schema "Lab 1"')
  const others = await db.sql(
    `select tablename as name from pg_tables where schemaname = 'public' and tablename ~ 'NEMO'`,
  )
  for (const { name } of others) await db.sql(`alter table "${String(name)}" set schema "Lab 1"`)
  await migrate({ url: db.url, print: silent })
  t.strictSame(await findDrift(db), [])
  t.strictSame(await db.captured(`insert into "Lab 1"."NEMO_tool" (name) values ('x')`), ['INSERT NEMO_tool'])

  await db.sql('create schema old; create table old."NEMO_tool" (id int, name text)')
  t.strictSame((await migrate({ url: db.url, print: silent })).drift, [], 'a second one later does not matter')
  t.strictSame(await db.sql('select nemo_mqtt.nemo_schema() as name'), [{ name: 'Lab 1' }], 'nor to psql')

  const both = await lab.nemo()
  await both.sql('create schema old; create table old."NEMO_tool" (id int, name text)')
  await t.rejects(migrate({ url: both.url, print: silent }), { code: 'NEMO_MQTT_ERR_NOT_NEMO', message: /old, public/ })
  await t.rejects(migrate({ url: both.url, print: silent, nemoSchema: 'nowhere' }), {
    code: 'NEMO_MQTT_ERR_NOT_NEMO',
    message: /nowhere.*old, public/,
  })
  await migrate({ url: both.url, print: silent, nemoSchema: 'public' })
  t.strictSame(await findDrift(both), [])
})

t.test('the schema can be named for psql', needsClients, async (t) => {
  const db = await lab.nemo()
  await db.sql('create schema old; create table old."NEMO_tool" (id int, name text)')
  const file = join(PACKAGE_ROOT, 'sql', FILES[0] ?? '')
  await t.rejects(db.psql(file), /more than one schema holds a NEMO: old, public/)
  for (const name of FILES)
    await db.psql(join(PACKAGE_ROOT, 'sql', name), { PGOPTIONS: '-c nemo_mqtt.nemo_schema=public' })
  t.strictSame(await findDrift(db), [])
})

t.test('a schema that a newer release made is refused', async (t) => {
  const db = await lab.captured()
  await db.sql(`insert into nemo_mqtt.kysely_migration values ('000099_time_travel', '2030-01-01T00:00:00.000Z')`)
  await t.rejects(migrate({ url: db.url, print: silent }), {
    code: 'NEMO_MQTT_ERR_SCHEMA_NEWER',
    message: /000099_time_travel/,
  })
})

t.test('a NEMO that keeps a table is not made to wait, and migrate says so and goes on', async (t) => {
  const db = await lab.nemo()
  const nemo = await db.again()
  t.teardown(() => nemo.close())
  await nemo.sql(`begin; update "NEMO_usageevent" set note = ''; lock table "NEMO_usageevent" in row exclusive mode`)
  const lines: string[] = []
  const patience = { attempts: 2, pauseMs: 50 }
  await t.rejects(migrate({ url: db.url, print: (line) => lines.push(line), patience }), {
    code: 'NEMO_MQTT_ERR_TABLE_BUSY',
    message: /000012_watch_usageevent/,
  })
  t.match(lines.join('\n'), /000012_watch_usageevent: the table is in use; attempt 2 of 2/)
  t.ok(lines.includes('000011_watch_tool: applied'), 'what was done stays done')

  const going = migrate({ url: db.url, print: silent, patience: { attempts: 20, pauseMs: 50 } })
  await until(async () => (await nemo.sql('select from pg_locks where not granted')).length > 0, { what: 'the wait' })
  const other = await db.again()
  t.teardown(() => other.close())
  const start = performance.now()
  await other.sql('update "NEMO_usageevent" set note = null') // queues behind the waiting "create trigger"
  t.ok(performance.now() - start < 2_000, 'NEMO waited no longer than our lock_timeout')
  await nemo.sql('commit')
  t.strictSame((await going).applied.length, FILES.length - FILES.indexOf('000012_watch_usageevent.sql'))
  t.strictSame(await findDrift(db), [])
})

t.test('an interrupted migrate is gone on with', async (t) => {
  const db = await lab.nemo()
  const nemo = await db.again()
  t.teardown(() => nemo.close())
  await nemo.sql('begin; lock table "NEMO_area" in row exclusive mode')
  // Expected from now on: it can fail before the statement that ends its session has answered.
  const fails = t.rejects(migrate({ url: db.url, print: silent }), { code: 'NEMO_MQTT_ERR_DATABASE' })
  await until(async () => (await nemo.sql('select from pg_locks where not granted')).length > 0, { what: 'the wait' })
  await db.sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'nemo-mqtt'`)
  await fails
  await nemo.sql('rollback')
  t.ok((await migrate({ url: db.url, print: silent })).applied.includes('000014_watch_area'))
  t.strictSame(await findDrift(db), [])
})

t.test('missing rights are named before anything is changed', async (t) => {
  const db = await lab.nemo()
  await db.sql('create role nobody_much login; create role owner login')
  const as = (user: string) => migrate({ url: lab.server.url(db.name, user), print: silent })
  const isUntouched = async () => (await db.sql(`select from pg_namespace where nspname = 'nemo_mqtt'`)).length === 0
  await t.rejects(as('nobody_much'), { code: 'NEMO_MQTT_ERR_RIGHTS', hint: /^grant create on database/ })
  await db.sql(`grant create on database "${db.name}" to nobody_much`)
  await t.rejects(as('nobody_much'), {
    code: 'NEMO_MQTT_ERR_RIGHTS',
    hint: /grant trigger on .*"NEMO_area", .* to nobody_much/,
  })
  t.ok(await isUntouched())
  await db.sql('create schema private; revoke all on schema private from public')
  for (const { table } of shippedWatches(migrationFiles())) await db.sql(`grant trigger on "${table}" to nobody_much`)
  await as('nobody_much') // the right to make triggers is enough, without owning anything of NEMO's
  t.strictSame(await findDrift(db), [])
  t.strictSame(await db.captured(`insert into "NEMO_tool" (name) values ('x')`), ['INSERT NEMO_tool'])
  await t.rejects(as('owner'), { code: 'NEMO_MQTT_ERR_RIGHTS', message: /belongs to nobody_much/, hint: /connect as/ })
})

t.test('--dry-run prints the SQL that would run and changes nothing', async (t) => {
  const db = await lab.nemo()
  const lines: string[] = []
  const serviceRole = { name: 'dry', create: { password: 'secret' } }
  await migrate({ url: db.url, print: (line) => lines.push(line), dryRun: true, serviceRole })
  for (const { name, sql } of migrationFiles()) t.ok(lines.includes(`-- ${name}.sql\n${sql}`), name)
  t.ok(lines.includes(`select nemo_mqtt.grant_service('dry');`))
  t.notMatch(lines.join('\n'), /secret/)
  t.strictSame(await db.sql(`select from pg_namespace where nspname = 'nemo_mqtt'`), [])
  t.strictSame(await db.sql(`select from pg_roles where rolname = 'dry'`), [])
})

t.test('what --dry-run prints can be given to psql', needsClients, async (t) => {
  const db = await lab.nemo()
  const lines: string[] = []
  await migrate({ url: db.url, print: (line) => lines.push(line), dryRun: true })
  const folder = temporaryFolder('dry-run')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'all.sql'), lines.join('\n'))
  await db.psql(join(folder, 'all.sql'))
  t.strictSame(await findDrift(db), [])
  t.strictSame((await migrate({ url: db.url, print: silent })).applied, [])
})

t.test('a clock of the server that is wrong does not matter', async (t) => {
  const db = await lab.captured()
  await db.sql(`update nemo_mqtt.kysely_migration set "timestamp" = '2030-01-01T00:00:00.000Z' where name ~ '^00000'`)
  await db.sql(`delete from nemo_mqtt.kysely_migration where name ~ '^00001[56]'`)
  t.equal((await migrate({ url: db.url, print: silent })).applied.length, 2)
})
