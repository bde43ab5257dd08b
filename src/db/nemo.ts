import { AppError, codeOf } from '../errors.ts'
import type { Queryable } from './database.ts'

/** The NEMO in a database. */
export interface Nemo {
  /** The schema that holds its tables. */
  readonly schema: string
  /** `8.1.0`: releases without a migration of their own cannot be told apart. Null when it cannot be read. */
  readonly release: string | null
  readonly edition: 'NEMO' | 'NEMO-CE'
}

// The row of a version is named like 0149_version_8_1_0; the one with the newest id means nothing (NEMO-CE mixes).
const RELEASE = (schema: string) => `
select max(name) filter (where app = 'NEMO' and name ~ '_version_') as version,
       coalesce(bool_or(app = 'nemo_ce'), false) as "isCommunityEdition"
  from ${quoted(schema)}.django_migrations`

const SCHEMAS = `
select n.nspname::text as schema,
       exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'nemo_mqtt_capture') as "isWatched"
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relname = 'NEMO_tool' and c.relkind in ('r', 'p') and n.nspname !~ '^pg_' order by 1`

/**
 * Which schema holds NEMO: the one asked for, else the one that is watched already, else the only one there is. The
 * same rule as nemo_mqtt.nemo_schema(), which does not exist before the first migration.
 *
 * @throws AppError NEMO_MQTT_ERR_NOT_NEMO
 */
export async function findNemoSchema(client: Queryable, wanted?: string | undefined): Promise<string> {
  const { rows } = await client.query<{ schema: string; isWatched: boolean }>(SCHEMAS)
  const names = rows.map((row) => row.schema)
  const watched = rows.filter((row) => row.isWatched)
  if (names.length === 0) {
    throw new AppError(
      'NEMO_MQTT_ERR_NOT_NEMO',
      'there is no NEMO in this database: no schema has a table "NEMO_tool"',
      {
        hint: 'set NEMO_MQTT_DATABASE_URL to the database that NEMO itself uses',
      },
    )
  }
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted
    throw new AppError(
      'NEMO_MQTT_ERR_NOT_NEMO',
      `there is no NEMO in schema "${wanted}": "NEMO_tool" is in ${names.join(', ')}`,
      { hint: `nemo-mqtt migrate --nemo-schema ${names[0]}` },
    )
  }
  const [one, another] = watched.length === 0 ? rows : watched
  if (one !== undefined && another === undefined) return one.schema
  throw new AppError('NEMO_MQTT_ERR_NOT_NEMO', `more than one schema holds a NEMO: ${names.join(', ')}`, {
    hint: 'name the one that is in use: nemo-mqtt migrate --nemo-schema NAME',
  })
}

/** The NEMO in this database and its release, as far as it may be read. @throws AppError NEMO_MQTT_ERR_NOT_NEMO */
export async function findNemo(client: Queryable): Promise<Nemo> {
  const schema = await findNemoSchema(client)
  try {
    const { rows } = await client.query<{ version: string | null; isCommunityEdition: boolean }>(RELEASE(schema))
    const digits = /_version_(\d+)_(\d+)_(\d+)/.exec(rows[0]?.version ?? '')
    return {
      schema,
      release: digits === null ? null : digits.slice(1).join('.'),
      edition: rows[0]?.isCommunityEdition ? 'NEMO-CE' : 'NEMO',
    }
  } catch (error) {
    // undefined_table, insufficient_privilege: the release is nice to know, no more.
    if (!['42P01', '42501'].includes(codeOf(error) ?? '')) throw error
    return { schema, release: null, edition: 'NEMO' }
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
