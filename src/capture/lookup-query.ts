import { escapeIdentifier, escapeLiteral } from 'pg'
import type { LookupTable } from '../map/lookup-tables.ts'

/**
 * The current rows of a table. Parameter: ids. Columns that cannot be read are null, and every value is text, as jsonb
 * writes it.
 */
export function currentQuery(
  schema: string,
  { table, key = 'id', columns }: LookupTable,
  readable: ReadonlySet<string>,
): string {
  const list = columns.map((column) => `${current(column, readable)} as ${escapeIdentifier(column)}`)
  const looked = `t.${escapeIdentifier(key)}`
  return `select ${looked}::text as key, ${list.join(', ')}
  from ${escapeIdentifier(schema)}.${escapeIdentifier(table)} t where ${looked} = any($1::bigint[])`
}

/**
 * The rows of a watched table as they were after a change: the `old` of their first later change in the log, else the
 * current row, both of one snapshot. Parameters: ids, id of the change. Rows that did not exist are left out.
 *
 * With `withChildren` the third parameter names root tools, and all tools are added that may have been their children:
 * those that are now, and those that the log knows, because they may have been moved away or deleted since.
 */
export function historicQuery(
  schema: string,
  { table, columns }: LookupTable,
  readable: ReadonlySet<string>,
  withChildren: boolean,
): string {
  const list = columns.map((column) => {
    const former = `l.old ->> ${escapeLiteral(column)}`
    return `case when l.id is null then ${current(column, readable)} else ${former} end as ${escapeIdentifier(column)}`
  })
  const rows = `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`
  return `with recursive ${withChildren ? candidates(rows, table, readable) : 'wanted(id) as (select unnest($1::bigint[]))'}
select w.id::text as key, ${list.join(', ')}
  from wanted w
  left join lateral (
    select c.id, c.op, c.old from nemo_mqtt.change_log c
     where c.tbl = ${escapeLiteral(table)} and ${KEY} = w.id::text and c.id > $2::bigint
     order by c.id limit 1) l on true
  left join ${rows} t on t.id = w.id
 where coalesce(l.op <> 'INSERT', t.id is not null)`
}

/** The expression of the index change_log_names (tbl, this, id); spelt otherwise, the whole log would be read. */
const KEY = `(coalesce(c.old, c.new) ->> 'id')`

function candidates(rows: string, table: string, readable: ReadonlySet<string>): string {
  const ofTable = `from nemo_mqtt.change_log c where c.tbl = ${escapeLiteral(table)}`
  const nowChildren = readable.has('parent_tool_id')
    ? `select t.id from ${rows} t where t.parent_tool_id = any($3::bigint[])`
    : 'select unnest($3::bigint[])'
  // A step of the recursion jumps to the next tool in the index, so the log is not read but touched once a tool.
  return `logged(key) as (
    (select ${KEY} ${ofTable} and ${KEY} > '' order by ${KEY} limit 1)
    union all
    select (select ${KEY} ${ofTable} and ${KEY} > logged.key order by ${KEY} limit 1) from logged where logged.key <> ''),
  wanted(id) as (
    select unnest($1::bigint[]) union ${nowChildren}
    union select case when key ~ '^\\d{1,18}$' then key::bigint end from logged)`
}

function current(column: string, readable: ReadonlySet<string>): string {
  return readable.has(column) ? `to_jsonb(t.${escapeIdentifier(column)}) #>> '{}'` : 'null::text'
}
