import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NEEDED_COLUMNS } from '../../src/db/columns.ts'
import { findDrift } from '../../src/db/find-drift.ts'
import { migrate } from '../../src/db/migrate.ts'
import { findNemo } from '../../src/db/nemo.ts'
import { migrationFiles, shippedWatches } from '../../src/db/sql-files.ts'
import { uninstall } from '../../src/db/uninstall.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { silent, startLab, type TestDatabase } from './database.ts'

/** Schema dumps of real installations, which are not part of this repository. */
const FOLDER = join(PACKAGE_ROOT, '..', 'shared', 'nemo')
const isHere = existsSync(FOLDER)
if (!isHere && process.env.CI) t.fail(`${FOLDER} is missing: the dumps of NEMO's schema`)
if (!isHere) process.stderr.write(`SKIPPED: nothing was tried on real schemas of NEMO, because there is no ${FOLDER}\n`)

const WATCHES = shippedWatches(migrationFiles())
const lab = await startLab(t)
const columnsSeen = new Map<string, Set<string>>()

/** An insert that gives every column without a default something of its type. */
async function insertInto(db: TestDatabase, table: string): Promise<string> {
  const columns = await db.sql<{ name: string; type: string }>(
    `select quote_ident(attname) as name, atttypid::regtype::text as type from pg_attribute
      where attrelid = format('public.%I', $1::text)::regclass and attnum > 0 and not attisdropped and attnotnull
        and not atthasdef and attidentity = ''`,
    [table],
  )
  const values = columns.map(({ type }) => VALUES[type] ?? `'1'`)
  return `insert into public."${table}" (${columns.map(({ name }) => name).join()}) values (${values.join()})`
}

const VALUES: Readonly<Record<string, string>> = {
  boolean: 'false',
  'timestamp with time zone': 'now()',
  date: 'current_date',
  jsonb: `'{}'`,
  'character varying': `'text'`,
  text: `'text'`,
}

const DUMPS = isHere ? readdirSync(FOLDER).filter((name) => name.endsWith('.schema.sql')) : []
for (const dump of DUMPS) {
  t.test(`${dump}: installed, captured, and removed without a trace`, async (t) => {
    const name = dump.replace('.schema.sql', '')
    await lab.server.createDatabase(name)
    await lab.server.execute(name, readFileSync(join(FOLDER, dump), 'utf8'))
    const db = await lab.copy(name)
    const before = lab.hasClientPrograms ? await db.dump() : ''
    const role = name.replaceAll(/\W/g, '_')
    const result = await migrate({ url: db.url, print: silent, serviceRole: { name: role, create: { password: 'x' } } })
    t.strictSame(result.drift, [])
    t.match(await findNemo(db), { schema: 'public', release: null }, 'without rows the release is unknown')

    for (const { table, noise } of WATCHES) {
      const seen = columnsSeen.get(table) ?? new Set()
      columnsSeen.set(table, seen)
      const isThere = (await db.sql('select from pg_class where relname = $1', [table])).length > 0
      if (!isThere) {
        t.equal(`${name} ${table}`, 'nemo-4.7.1 NEMO_toolwaitlist', 'no other table is missing anywhere')
        continue
      }
      const columns = await db.sql<{ name: string }>(
        `select attname::text as name from pg_attribute where attrelid = format('public.%I', $1::text)::regclass and attnum > 0`,
        [table],
      )
      for (const column of columns) seen.add(column.name)

      // Foreign keys of NEMO are deferred, so nothing asks for the rows that are referred to before the commit.
      await db.sql(`begin; truncate nemo_mqtt.change_log; ${await insertInto(db, table)}`)
      const [inserted, ...more] = await db.changes()
      t.strictSame(more, [])
      t.match(inserted, { op: 'INSERT', tbl: table, old: null })
      const captured = Object.keys(inserted?.new ?? {})
      t.strictSame(
        captured.filter((column) => noise.includes(column)),
        [],
        'no noise',
      )
      if (table === 'NEMO_user') t.strictSame(captured.sort(), ['id', 'is_active'], 'nothing personal')
      // What is noise is looked up.
      const needed = (NEEDED_COLUMNS[table] ?? []).filter((column) => !noise.includes(column))
      t.strictSame(
        needed.filter((column) => !captured.includes(column)),
        [],
        'whatever a mapper needs',
      )
      await db.sql('rollback')
    }
    await uninstall({ url: db.url, print: silent, confirm: async () => true })
    if (lab.hasClientPrograms) t.equal(await db.dump(), before)
    t.strictSame(await db.sql('select from pg_roles where rolname = $1', [role]), [])
  })
}

t.test('every noise column is a column of some release', { skip: isHere ? false : 'no dumps' }, (t) => {
  for (const { table, noise } of WATCHES) {
    t.strictSame(
      noise.filter((column) => !columnsSeen.get(table)?.has(column)),
      [],
      table,
    )
  }
  t.ok(DUMPS.length >= 7)
  t.end()
})

t.test('the release is read from the migrations that NEMO has recorded', async (t) => {
  const db = await lab.captured()
  t.match(await findNemo(db), { release: '8.1.0', edition: 'NEMO' })
  await db.sql(`insert into django_migrations (app, name) values ('nemo_ce', '0001_initial'), ('NEMO', '0087_version_7_0_0'),
    ('other', '9999_version_99_0_0'), ('NEMO', '0155_policy')`)
  t.match(await findNemo(db), { release: '8.1.0', edition: 'NEMO-CE' })
  await db.sql('drop table django_migrations')
  t.match(await findNemo(db), { release: null, schema: 'public' })
  t.strictSame(await findDrift(db), [])
})
