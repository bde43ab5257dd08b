import { type Kysely, type Migration, Migrator, sql } from 'kysely'
import { AppError } from '../errors.ts'
import { type Patience, whileBusy } from './busy.ts'
import { connect, type Database, databaseError } from './database.ts'
import type { Drift } from './drift.ts'
import { findNemoSchema } from './nemo.ts'
import { unwatchOwn, watchOwn } from './own-watch.ts'
import { repair } from './repair.ts'
import { requireRights } from './rights.ts'
import { createRoleSql, grantService, knownServiceRoles, type ServiceRole } from './service-role.ts'
import { migrationFiles, type SqlFile, shippedWatches } from './sql-files.ts'

/** What {@link migrate} is to do. */
export interface MigrateOptions {
  /** Of the role that makes the triggers: the owner of NEMO's tables, with the right to create a schema. */
  readonly url: string
  readonly print: (line: string) => void
  /** Needed only where more than one schema holds a NEMO. */
  readonly nemoSchema?: string | undefined
  readonly serviceRole?: ServiceRole | undefined
  /** Further tables to put under watch, or to release again. */
  readonly watch?: readonly string[] | undefined
  readonly unwatch?: readonly string[] | undefined
  /** Prints the SQL instead of running it. */
  readonly dryRun?: boolean | undefined
  readonly patience?: Patience | undefined
}

/** What {@link migrate} did. */
export interface MigrateResult {
  readonly applied: readonly string[]
  /** What is not as it should be and cannot be repaired from here. */
  readonly drift: readonly Drift[]
}

/**
 * Brings our part of NEMO's database to the state of this release: applies the files of `sql/` that are pending, each
 * in a transaction of its own, repairs what was taken away since, and grants the service its rights. Run again, it
 * changes nothing.
 *
 * @throws AppError NEMO_MQTT_ERR_NOT_NEMO, _RIGHTS, _SCHEMA_NEWER, _TABLE_BUSY, _CONFIG or _DATABASE
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const { print, serviceRole } = options
  const database = await connect(options.url, (notice) => {
    // "already exists, skipping" is how the files say that they may be run again.
    if (notice.code !== '42P07') print(notice.message ?? '')
  })
  try {
    const nemoSchema = await findNemoSchema(database.pool, options.nemoSchema)
    const files = migrationFiles()
    const watches = shippedWatches(files)
    await requireRights(
      database.pool,
      nemoSchema,
      watches.map(({ table }) => table),
    )
    const recorded = await recordedMigrations(database)
    refuseNewer(recorded, files)
    if (options.dryRun === true) {
      printPlan(files, recorded, serviceRole, print)
      return { applied: [], drift: [] }
    }
    const applied = await applyPending(database, files, nemoSchema, print, options.patience)
    for (const table of options.unwatch ?? [])
      await unwatchOwn(database, nemoSchema, table, files, print, options.patience)
    for (const table of options.watch ?? []) await watchOwn(database, nemoSchema, table, print, options.patience)
    const drift = await repair(database, files, nemoSchema, print, options.patience)
    const names = new Set(await knownServiceRoles(database))
    if (serviceRole !== undefined) names.delete(serviceRole.name)
    for (const name of names) await grantService(database, { name }, print)
    if (serviceRole !== undefined) await grantService(database, serviceRole, print)
    return { applied, drift }
  } catch (error) {
    throw databaseError(error)
  } finally {
    await database.close()
  }
}

/** The files that were applied to a database, by name; none when our schema is not there. */
export async function recordedMigrations({ pool, kysely }: Database): Promise<string[]> {
  const { rows } = await pool.query<{ isThere: boolean }>(
    `select to_regclass('nemo_mqtt.kysely_migration') is not null as "isThere"`,
  )
  if (rows[0]?.isThere !== true) return []
  const recorded = await kysely.selectFrom('nemo_mqtt.kysely_migration').select('name').orderBy('name').execute()
  return recorded.map((row) => row.name)
}

function refuseNewer(recorded: readonly string[], files: readonly SqlFile[]): void {
  const unknown = recorded.filter((name) => !files.some((file) => file.name === name))
  if (unknown.length === 0) return
  const what = `a newer release has applied ${unknown.join(', ')} to this database`
  throw new AppError('NEMO_MQTT_ERR_SCHEMA_NEWER', what, { hint: 'install that release of nemo-mqtt, or a newer one' })
}

async function applyPending(
  { kysely }: Database,
  files: readonly SqlFile[],
  nemoSchema: string,
  print: (line: string) => void,
  patience: Patience | undefined,
): Promise<string[]> {
  const provided = Object.fromEntries(files.map((file) => [file.name, migrationOf(file, nemoSchema)]))
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: async () => provided },
    migrationTableSchema: 'nemo_mqtt',
    // Kysely orders what was applied by time. psql writes the server's clock, Kysely that of this machine.
    allowUnorderedMigrations: true,
  })
  const applied: string[] = []
  for (;;) {
    // One at a time: Kysely runs whatever it is given in one transaction, which would lock table after table.
    const pending = files.find(({ name }) => !applied.includes(name))?.name ?? 'migrations'
    const done = await whileBusy(pending, print, () => oneUp(migrator), patience)
    if (done === undefined) break
    applied.push(done)
    print(`${done}: applied`)
  }
  if (applied.length === 0) print('every migration is applied already')
  return applied
}

async function oneUp(migrator: Migrator): Promise<string | undefined> {
  const { error, results } = await migrator.migrateUp()
  if (error !== undefined) throw error
  return results?.[0]?.migrationName
}

function migrationOf(file: SqlFile, nemoSchema: string): Migration {
  return {
    up: async (transaction: Kysely<unknown>) => {
      await sql`select set_config('nemo_mqtt.nemo_schema', ${nemoSchema}, true)`.execute(transaction)
      await sql.raw(file.sql).execute(transaction)
      // The file has recorded itself, for those who run it with psql. Kysely is about to do the same.
      await sql`delete from nemo_mqtt.kysely_migration where name = ${file.name}`.execute(transaction)
    },
  }
}

function printPlan(
  files: readonly SqlFile[],
  recorded: readonly string[],
  serviceRole: ServiceRole | undefined,
  print: (line: string) => void,
): void {
  const pending = files.filter(({ name }) => !recorded.includes(name))
  if (pending.length === 0) print('-- every migration is applied already')
  for (const { name, sql: text } of pending) print(`-- ${name}.sql\n${text}`)
  if (serviceRole === undefined) return
  const { name, create } = serviceRole
  if (create !== undefined) {
    print(`${createRoleSql(name, create.password === undefined ? undefined : '…')}; -- unless there is one`)
  }
  print(`select nemo_mqtt.grant_service('${name.replaceAll("'", "''")}');`)
}
