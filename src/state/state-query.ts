import { escapeIdentifier } from 'pg'
import type { Readable } from './readable.ts'
import { HISTORIES, type HistoryName, SOURCE_NAMES, SOURCES, type SourceName } from './sources.ts'

/**
 * How far a look goes. `everywhere` reads all rows of NEMO's histories: NEMO has no index on the end of a usage or a
 * reservation. `near` reads by index what counted at the last look, what is newer, and what belongs to tools of which a
 * change was seen.
 */
export type Look = 'everywhere' | 'near'

/** Rows with a lower id than the newest that was seen, and yet new: their transaction took longer. */
export const LATE_IDS = 500

// What counts now. Billing of a customer who is not here has a staff charge (NEMO `AreaAccessRecord`).
const COUNTS: Partial<Record<SourceName, string>> = {
  usages: `(t."end" is null or t."end" > now())`,
  tasks: 'not t.cancelled and not t.resolved',
  reservations: `t."end" > now() and not t.cancelled and not t.missed and not t.shortened and t.tool_id is not null`,
  waiting: 'not t.deleted and not t.expired',
  outages: `t."end" > now()`,
  resources: 'not t.available',
  visits: `t."end" is null and t.staff_charge_id is null`,
}

/** Texts of people can be long; one line of them is shown. */
const SHORT: Readonly<Record<string, string>> = {
  title: 'left(t.title, 200)',
  problem_description: `left(split_part(ltrim(t.problem_description, E' \\t\\r\\n'), E'\\n', 1), 200)`,
}

// Months of bookings may lie ahead; of each tool the present one and the next are told.
const ONE_NOW_ONE_NEXT = 'distinct on (t.tool_id, t.start <= now()) '
const IN_TURN = ' order by t.tool_id, t.start <= now(), t.start, t.id'

/** Who is named in a table. */
const PEOPLE: Partial<Record<SourceName, readonly string[]>> = {
  usages: ['user_id', 'operator_id'],
  reservations: ['user_id'],
  visits: ['customer_id'],
}

/**
 * One statement, so that all of it is of one moment: a column of JSON for each table that can be read, `now`, and of
 * each history the ids that count (`..._ids`) and the newest id (`..._newest`).
 *
 * Parameters of a near look: ids of tools, then for each of {@link historiesOf} the ids that counted and the id above
 * which all are new. A look everywhere has none.
 */
export function stateQuery(readable: Readable, look: Look): string {
  const { columns } = readable
  const can = (name: SourceName, column = 'id'): boolean => columns.get(name)?.has(column) === true
  const tables: string[] = []
  const answers = ['to_json(now()) as now']
  const histories = historiesOf(readable)
  if (look === 'near') answers.push('cardinality($1::bigint[]) as asked') // else nothing may tell the type of $1
  for (const name of SOURCE_NAMES) {
    if (!columns.has(name)) continue
    if (name === 'dependences' && !(can('resources') || can('outages', 'resource_id'))) continue
    const isHistory = isHistoryName(name)
    const conditions = [
      COUNTS[name],
      isHistory && look === 'near' ? near(histories.indexOf(name)) : undefined,
      needed(name, can),
    ]
    const where = conditions.filter((condition) => condition !== undefined).join(' and ')
    const table = `${escapeIdentifier(readable.schema)}.${escapeIdentifier(SOURCES[name].table)}`
    tables.push(`${name} as materialized (
  select ${name === 'reservations' ? ONE_NOW_ONE_NEXT : ''}${list(name, can)} from ${table} t
   where ${where === '' ? 'true' : where}${name === 'reservations' ? IN_TURN : ''})`)
    answers.push(`(select coalesce(json_agg(x), '[]') from ${name} x) as ${name}`)
    if (!isHistory) continue
    answers.push(`(select coalesce(json_agg(id), '[]') from ${name}) as ${name}_ids`)
    answers.push(`(select max(id)::text from ${table}) as ${name}_newest`)
  }
  return `${tables.length === 0 ? '' : `with ${tables.join(',\n')}\n`}select ${answers.join(',\n       ')}`
}

/** The histories that can be read. */
export function historiesOf({ columns }: Readable): readonly HistoryName[] {
  return HISTORIES.filter((name) => columns.has(name))
}

function near(place: number): string {
  const first = 2 + 2 * place
  return `(t.id = any($${first}::bigint[]) or t.id > $${first + 1}::bigint or t.tool_id = any($1::bigint[]))`
}

function needed(name: SourceName, can: (name: SourceName, column?: string) => boolean): string | undefined {
  if (name === 'users') {
    const ids = Object.entries(PEOPLE).flatMap(([table, columns]) =>
      columns.filter((column) => can(table as SourceName, column)).map((column) => `select ${column} from ${table}`),
    )
    return ids.length === 0 ? 'false' : `t.id in (select x::bigint from (${ids.join(' union ')}) y (x))`
  }
  if (name === 'dependences') {
    const ids = [
      ...(can('resources') ? ['select id from resources'] : []),
      ...(can('outages', 'resource_id') ? ['select resource_id from outages'] : []),
    ]
    return `t.resource_id in (select x::bigint from (${ids.join(' union ')}) y (x))`
  }
  return undefined
}

// Ids as text: as a number of JSON one beyond 2^53 would become its neighbour's.
function list(name: SourceName, can: (name: SourceName, column: string) => boolean): string {
  const { needs, may } = SOURCES[name]
  return [...needs, ...may]
    .map((column) => {
      const quoted = escapeIdentifier(column)
      const isId = column === 'id' || column.endsWith('_id')
      if (!can(name, column)) return `null::text as ${quoted}`
      return `${SHORT[column] ?? `t.${quoted}${isId ? '::text' : ''}`} as ${quoted}`
    })
    .join(', ')
}

function isHistoryName(name: SourceName): name is HistoryName {
  return (HISTORIES as readonly SourceName[]).includes(name)
}
