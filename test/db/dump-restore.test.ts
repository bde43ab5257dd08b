import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { findDrift } from '../../src/db/find-drift.ts'
import { readInstallation } from '../../src/db/installation.ts'
import { migrate } from '../../src/db/migrate.ts'
import { uninstall } from '../../src/db/uninstall.ts'
import { Health } from '../../src/health.ts'
import { silent, startLab, type TestDatabase } from './database.ts'

const lab = await startLab(t)
const needsDump = lab.hasClientPrograms ? {} : { skip: 'this PostgreSQL has no pg_dump' }
const PAUSED = { PGOPTIONS: '-c nemo_mqtt.capture=off' }
const folder = temporaryFolder('dump')
const health = new Health(pino({ level: 'silent' }))

/** A database with a service role, history that was delivered, and one change that was not. */
async function lived(role: string): Promise<TestDatabase> {
  const db = await lab.captured()
  await migrate({ url: db.url, print: silent, serviceRole: { name: role, create: { password: 'x' } } })
  await db.sql(`insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, has_ended) select 1, 1, 1, 1, g
    from generate_series(1, 50) g; truncate nemo_mqtt.change_log`)
  await db.sql(`update "NEMO_tool" set name = 'not delivered' where id = 1`)
  return db
}

async function saved(db: TestDatabase, ...how: string[]): Promise<string> {
  const file = join(folder, `${db.name}.dump`)
  await db.program('pg_dump', ['-Fc', '-f', file, ...how, db.url])
  return file
}

t.test('C24: a restored database is captured, and its history is no news', needsDump, async (t) => {
  const db = await lived('restored')
  const file = await saved(db)
  const copy = await lab.copy('template0', `${db.name} under another name`)
  await copy.program('pg_restore', ['-e', '-1', '-d', copy.url, file])
  t.strictSame(await findDrift(copy), [])
  t.match(await copy.changes(), [{ op: 'UPDATE', new: { name: 'not delivered' } }], 'only what was waiting')
  t.equal((await copy.changes()).length, 1)
  t.equal(await copy.dump(), await db.dump())
  const update = `update public."NEMO_tool" set name = name || '.' where id = 1`
  t.strictSame(
    await copy.captured(`set search_path = ''; ${update}`),
    ['UPDATE NEMO_tool'],
    'with an empty search_path',
  )
  t.strictSame((await migrate({ url: copy.url, print: silent })).applied, [])
  await copy.sql('reset search_path')
  const [real, test] = await Promise.all(
    [db, copy].map((one) => readInstallation(one, health, new AbortController().signal)),
  )
  t.equal(test?.id, real?.id, 'events keep their ids')
  t.not(test?.place, real?.place, 'and yet the two do not take each other’s Redis list for their own')
  await uninstall({ url: copy.url, print: silent, confirm: async () => true })
  t.strictSame(await copy.sql(`select from pg_namespace where nspname = 'nemo_mqtt'`), [])
  t.strictSame(await findDrift(db), [], 'and the database it came from is as it was')
  t.equal(
    (await db.sql(`select has_column_privilege('restored', '"NEMO_user"', 'username', 'select') as ok`))[0]?.ok,
    true,
  )
})

t.test('C24: the same as plain SQL through psql', needsDump, async (t) => {
  const db = await lived('plain')
  const file = join(folder, 'plain.sql')
  await db.program('pg_dump', ['-f', file, '--no-owner', db.url])
  const copy = await lab.copy('template0')
  await copy.psql(file)
  t.strictSame(await findDrift(copy), [])
  t.equal((await copy.changes()).length, 1)
})

t.test('C24: data alone, into a schema where our triggers are', needsDump, async (t) => {
  const db = await lived('data_only')
  const file = await saved(db)
  const load = async (environment: Record<string, string>) => {
    const copy = await lab.copy('template0')
    await copy.program('pg_restore', ['-e', '-1', '--schema-only', '-d', copy.url, file])
    await copy.program('pg_restore', ['-e', '-1', '--data-only', '-d', copy.url, file], environment)
    t.equal((await copy.sql('select from "NEMO_usageevent"')).length, 50)
    return copy
  }
  const paused = await load(PAUSED)
  t.match(await paused.changes(), [{ new: { name: 'not delivered' } }], 'paused: only what was waiting')
  t.equal((await paused.changes()).length, 1)
  t.ok((await (await load({})).changes()).length > 50, 'not paused: every row is an insert, as the README warns')
})

t.test('C24: NEMO’s data alone, into a NEMO that is captured', needsDump, async (t) => {
  const db = await lived('nemo_only')
  const file = await saved(db, '--data-only', '-n', 'public')
  const target = await lab.captured()
  await target.sql(
    `set nemo_mqtt.capture = off; truncate ${(await target.sql(`select format('%I', tablename) as name from pg_tables where schemaname = 'public'`)).map(({ name }) => name).join()} cascade`,
  )
  await target.program('pg_restore', ['-e', '-1', '-d', target.url, file], PAUSED)
  t.strictSame(await target.changes(), [])
  await target.sql('reset nemo_mqtt.capture')
  t.strictSame(await target.captured(`update "NEMO_tool" set name = 'again' where id = 1`), ['UPDATE NEMO_tool'])
  await target.sql('truncate nemo_mqtt.change_log, "NEMO_usageevent", "NEMO_reservation"')
  await target.program('pg_restore', ['-e', '--disable-triggers', '-t', 'NEMO_usageevent', '-d', target.url, file])
  t.strictSame(await findDrift(target), [], 'pg_restore --disable-triggers puts them back')
})

t.test('uninstalling from a copy takes nothing from the role in the database it came from', needsDump, async (t) => {
  const db = await lab.captured()
  await db.sql(`revoke connect on database "${db.name}" from public`)
  await migrate({ url: db.url, print: silent, serviceRole: { name: 'shared', create: { password: 'x' } } })
  const file = await saved(db)
  const copy = await lab.copy('template0')
  await copy.sql(`revoke connect on database "${copy.name}" from public`)
  await copy.program('pg_restore', ['-e', '-1', '-d', copy.url, file])
  await migrate({ url: copy.url, print: silent })
  const mayConnect = async () => {
    const [row] = await db.sql(
      `select has_database_privilege('shared', $1, 'connect') as here,
      has_database_privilege('shared', $2, 'connect') as there`,
      [db.name, copy.name],
    )
    return row
  }
  t.strictSame(await mayConnect(), { here: true, there: true }, 'migrate grants what no dump holds')
  await uninstall({ url: copy.url, print: silent, confirm: async () => true })
  t.strictSame(await mayConnect(), { here: true, there: false })
  const service = await db.again('shared')
  t.teardown(() => service.close())
  t.strictSame(await findDrift(service), [])
})
