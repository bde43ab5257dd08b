import { type RawBuilder, sql } from 'kysely'
import { type Patience, whileBusy } from './busy.ts'
import type { Database } from './database.ts'
import type { Drift } from './drift.ts'
import { findDrift } from './find-drift.ts'
import { type SqlFile, shippedWatches } from './sql-files.ts'

/**
 * Puts back what was taken away since the migrations ran: every file may be run again. Touches nothing where nothing
 * is amiss.
 *
 * @returns the differences that only people can end
 * @throws AppError NEMO_MQTT_ERR_TABLE_BUSY
 */
export async function repair(
  { pool, kysely }: Database,
  files: readonly SqlFile[],
  nemoSchema: string,
  print: (line: string) => void,
  patience: Patience | undefined,
): Promise<readonly Drift[]> {
  const run = (what: string, statements: RawBuilder<unknown>) =>
    whileBusy(
      what,
      print,
      () =>
        kysely.transaction().execute(async (transaction) => {
          await sql`select set_config('nemo_mqtt.nemo_schema', ${nemoSchema}, true)`.execute(transaction)
          await statements.execute(transaction)
        }),
      patience,
    )
  const found = await findDrift(pool)
  if (found.length === 0) return found

  const watches = shippedWatches(files)
  if (found.some(({ code }) => BASE.has(code))) {
    for (const file of files) {
      if (watches.every((watch) => watch.file !== file)) await run(file.name, sql.raw(file.sql))
    }
  }
  for (const { code, table } of await findDrift(pool)) {
    const shipped = watches.find((watch) => watch.table === table)
    if (code === 'watch_missing' && shipped !== undefined) await run(shipped.file.name, sql.raw(shipped.file.sql))
    else if (table !== undefined && TRIGGER.has(code)) await run(table, watchAgain(table))
  }
  const left = await findDrift(pool)
  for (const drift of found) {
    if (!left.some((one) => one.found === drift.found)) print(`repaired: ${drift.found}`)
  }
  return left
}

/** What the files that watch no table put right, and what watching the table again does. */
const BASE: ReadonlySet<Drift['code']> = new Set([
  'schema_missing',
  'log_missing',
  'log_unusable',
  'function_missing',
  'function_changed',
])
const TRIGGER: ReadonlySet<Drift['code']> = new Set(['trigger_missing', 'trigger_disabled', 'trigger_changed'])

// With the noise that is recorded, which a laboratory may have extended.
function watchAgain(table: string): RawBuilder<unknown> {
  return sql`select nemo_mqtt.watch(tbl, variadic noise) from nemo_mqtt.watched_table where tbl = ${table}`
}
