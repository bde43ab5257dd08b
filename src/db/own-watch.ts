import { type Kysely, sql } from 'kysely'
import { AppError } from '../errors.ts'
import { type Patience, whileBusy } from './busy.ts'
import type { Database, OwnTables } from './database.ts'
import { requireRights } from './rights.ts'
import { type SqlFile, shippedWatches } from './sql-files.ts'

/** Columns that look like secrets: they never get into the log. */
const SECRET = 'password|passwd|token|secret|key'

/**
 * Puts a table of NEMO's under watch that this release does not watch by itself. It is recorded with the others, so
 * drift, repair, uninstalling and dumps know it.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is no such table; _RIGHTS, _TABLE_BUSY
 */
export async function watchOwn(
  { pool, kysely }: Database,
  nemoSchema: string,
  table: string,
  print: (line: string) => void,
  patience?: Patience,
): Promise<void> {
  const { rows } = await pool.query<{ column: string; isSecret: boolean }>(
    `select a.attname::text as column, a.attname ~* $3 as "isSecret"
       from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
      where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
      order by a.attnum`,
    [nemoSchema, table, SECRET],
  )
  if (rows.length === 0) throw noSuchTable(table, nemoSchema)
  await requireRights(pool, nemoSchema, [table])
  const noise = rows.filter(({ isSecret }) => isSecret).map(({ column }) => column)
  // What is watched already keeps its noise, which somebody may have chosen.
  const watch = sql`select nemo_mqtt.watch(${table}, variadic coalesce(
    (select noise from nemo_mqtt.watched_table where tbl = ${table}), ${noise}::text[]))`
  await whileBusy(table, print, () => inNemo(kysely, nemoSchema, watch), patience)
  print(`${table}: is watched${noise.length === 0 ? '' : `, without ${noise.join(', ')}`}`)
}

/**
 * Takes the triggers from a table that {@link watchOwn} has put under watch.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when it is not watched, or the standard events need it; _TABLE_BUSY
 */
export async function unwatchOwn(
  { pool, kysely }: Database,
  nemoSchema: string,
  table: string,
  files: readonly SqlFile[],
  print: (line: string) => void,
  patience?: Patience,
): Promise<void> {
  if (shippedWatches(files).some((shipped) => shipped.table === table)) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `${table} stays watched: the standard events need it`, {
      hint: 'a filter leaves its events out',
    })
  }
  const { rows } = await pool.query<{ isThere: boolean }>(
    `select to_regclass(format('%I.%I', $1::text, tbl)) is not null as "isThere" from nemo_mqtt.watched_table where tbl = $2`,
    [nemoSchema, table],
  )
  if (rows[0] === undefined) throw new AppError('NEMO_MQTT_ERR_CONFIG', `${table} is not watched`)
  const target = sql.id(nemoSchema, table)
  const isThere = rows[0].isThere
  await whileBusy(
    table,
    print,
    () =>
      kysely.transaction().execute(async (transaction) => {
        await sql`set local lock_timeout = '1s'`.execute(transaction)
        await sql`delete from nemo_mqtt.watched_table where tbl = ${table}`.execute(transaction)
        if (!isThere) return
        await sql`drop trigger if exists nemo_mqtt_capture on ${target}`.execute(transaction)
        await sql`drop trigger if exists nemo_mqtt_capture_truncate on ${target}`.execute(transaction)
      }),
    patience,
  )
  print(`${table}: is no longer watched`)
}

async function inNemo(kysely: Kysely<OwnTables>, nemoSchema: string, statement: ReturnType<typeof sql>): Promise<void> {
  await kysely.transaction().execute(async (transaction) => {
    await sql`select set_config('nemo_mqtt.nemo_schema', ${nemoSchema}, true)`.execute(transaction)
    await statement.execute(transaction)
  })
}

function noSuchTable(table: string, schema: string): AppError {
  return new AppError('NEMO_MQTT_ERR_CONFIG', `there is no table "${table}" in schema "${schema}"`, {
    hint: 'capitals count: NEMO’s tables are named like NEMO_door',
  })
}
