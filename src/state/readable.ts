import type { Queryable } from '../db/database.ts'
import { findNemoSchema } from '../db/nemo.ts'
import { SOURCE_NAMES, SOURCES, type SourceName } from './sources.ts'

/** What can be read of NEMO at present. */
export interface Readable {
  readonly schema: string
  /** The columns of each table that can be used; a table that says nothing is not here. */
  readonly columns: ReadonlyMap<SourceName, ReadonlySet<string>>
  /** What is not there or not allowed, and what is therefore unknown; null when everything can be read. */
  readonly problem: string | null
}

interface Found {
  readonly table: string
  readonly column: string
  readonly isReadable: boolean
}

// By oid: to ask by name needs the right that is asked for.
const COLUMNS = `
select c.relname as "table", a.attname as "column",
       has_schema_privilege(n.oid, 'USAGE') and has_column_privilege(c.oid, a.attnum, 'SELECT') as "isReadable"
  from pg_namespace n join pg_class c on c.relnamespace = n.oid join pg_attribute a on a.attrelid = c.oid
 where n.nspname = $1 and c.relname = any($2) and a.attnum > 0 and not a.attisdropped`

/**
 * Finds what can be read: NEMO's tables differ from release to release, rights from laboratory to laboratory.
 *
 * @throws AppError NEMO_MQTT_ERR_NOT_NEMO, or the driver's error when the database cannot be reached
 */
export async function findReadable(client: Queryable): Promise<Readable> {
  const schema = await findNemoSchema(client)
  const tables = SOURCE_NAMES.map((name) => SOURCES[name].table)
  const { rows } = await client.query<Found & Record<string, unknown>>(COLUMNS, [schema, tables])
  return readableOf(schema, rows)
}

/** The same, from what the catalogue says. */
export function readableOf(schema: string, found: readonly Found[]): Readable {
  const columns = new Map<SourceName, ReadonlySet<string>>()
  const absent: string[] = []
  const forbidden: string[] = []
  for (const name of SOURCE_NAMES) {
    const { table, needs, may, tells } = SOURCES[name]
    const here = new Map(found.filter((row) => row.table === table).map((row) => [row.column, row.isReadable]))
    const readable = [...needs, ...may].filter((column) => here.get(column) === true)
    const denied = [...needs, ...may].filter((column) => here.get(column) === false)
    if (needs.every((column) => readable.includes(column))) columns.set(name, new Set(readable))
    else if (denied.length === 0) absent.push(`${table} (${tells})`)
    if (denied.length > 0) forbidden.push(`${table} (${tells}): ${denied.join(', ')}`)
  }
  return { schema, columns, problem: problemOf(absent, forbidden) }
}

function problemOf(absent: readonly string[], forbidden: readonly string[]): string | null {
  const sentences: string[] = []
  if (absent.length > 0) sentences.push(`This release of NEMO does not have ${absent.join(', ')}.`)
  if (forbidden.length > 0) {
    const columns = forbidden.join('; ')
    sentences.push(`The database role may not read ${columns}. Run: nemo-mqtt migrate --service-role NAME`)
  }
  return sentences.length === 0 ? null : sentences.join(' ')
}
