import { AppError } from '../errors.ts'
import { NEEDED_COLUMNS } from './columns.ts'
import type { Queryable } from './database.ts'
import type { Drift } from './drift.ts'
import { functionDrift, logDrift } from './drift-log.ts'
import { settingPlaces } from './drift-settings.ts'
import { triggerDrift, watchDrift } from './drift-triggers.ts'
import { findNemoSchema } from './nemo.ts'
import { migrationFiles } from './sql-files.ts'

const MIGRATE = 'nemo-mqtt migrate'

/**
 * Everything because of which changes of NEMO would be missed, or not be understood. NEMO's upgrades, restored backups
 * and people can take away what the migrations made, and no error would tell.
 *
 * @throws the driver's error when the database cannot be reached or our tables may not be read
 */
export async function findDrift(client: Queryable): Promise<Drift[]> {
  const { rows } = await client.query<{ isThere: boolean }>(
    `select to_regclass('nemo_mqtt.watched_table') is not null as "isThere"`,
  )
  if (rows[0]?.isThere !== true) {
    return [{ code: 'schema_missing', found: 'the schema nemo_mqtt is not in the database', remedy: MIGRATE }]
  }
  const files = migrationFiles()
  const drift = [...(await logDrift(client)), ...(await functionDrift(client, files))]
  const schema = await watchedSchema(client)
  if (schema instanceof AppError) {
    return [...drift, { code: 'table_missing', found: schema.message, remedy: schema.hint ?? MIGRATE }]
  }
  drift.push(...(await watchDrift(client, files)), ...(await triggerDrift(client, schema)))
  drift.push(...(await columnDrift(client, schema)))
  for (const { place, reset } of await settingPlaces(client, 'nemo_mqtt.capture')) {
    drift.push({ code: 'capture_paused', found: `capture is off ${place}: changes are missed`, remedy: reset })
  }
  return drift
}

/** What is unusual but loses nothing, for people who look at the state. */
export async function findNotices(client: Queryable): Promise<string[]> {
  const places = await settingPlaces(client, 'nemo_mqtt.notify')
  return places.map(({ place }) => `notifications are off ${place}: changes are found by the sweep, seconds later`)
}

// Where our triggers are; without any, where they belong.
async function watchedSchema(client: Queryable): Promise<string | AppError> {
  const { rows } = await client.query<{ schema: string }>(
    `select n.nspname::text as schema
       from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
      where t.tgname = 'nemo_mqtt_capture' group by 1 order by count(*) desc, 1 limit 1`,
  )
  try {
    return rows[0]?.schema ?? (await findNemoSchema(client))
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
}

async function columnDrift(client: Queryable, schema: string): Promise<Drift[]> {
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `select c.relname::text as table, array_agg(a.attname::text) as columns
       from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
      where n.nspname = $1 and c.relname = any ($2) and a.attnum > 0 and not a.attisdropped group by 1`,
    [schema, Object.keys(NEEDED_COLUMNS)],
  )
  return rows.flatMap(({ table, columns }) =>
    (NEEDED_COLUMNS[table] ?? [])
      .filter((column) => !columns.includes(column))
      .map((column) => ({
        code: 'column_missing' as const,
        table,
        found: `${table} has no column "${column}" any more: events lack what was in it`,
        remedy: 'install the release of nemo-mqtt that knows this NEMO',
      })),
  )
}
