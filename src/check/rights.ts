import type { Queryable } from '../db/database.ts'
import { SOURCE_NAMES, SOURCES } from '../state/sources.ts'

/** What the service does with our tables, as `sql/000004_service_role.sql` grants it. */
const OWN: ReadonlyArray<readonly [table: string, rights: readonly string[]]> = [
  ['change_log', ['select', 'delete']],
  ['unmapped', ['select', 'insert', 'delete']],
  ['installation', ['select']],
  ['watched_table', ['select']],
  ['kysely_migration', ['select']],
  ['configuration', ['select']],
  ['configuration_history', ['select']],
  ['message_log', ['select', 'insert', 'delete']],
  ['retained_topic', ['select', 'insert', 'delete']],
]

/** Columns of NEMO's tables from which names are looked up and states are made. */
const READ: ReadonlyArray<readonly [table: string, column: string]> = [
  ['NEMO_project', 'id'],
  ['NEMO_project', 'name'],
  ...SOURCE_NAMES.flatMap((name) => {
    const { table, needs, may } = SOURCES[name]
    return [...needs, ...may].map((column) => [table, column] as const)
  }),
]

// By oid throughout: to ask by name needs the right that is asked for.
const LACKING = `
with own as (select n.oid as schema_id, c.oid as id, c.relname as name
               from pg_namespace n left join pg_class c on c.relnamespace = n.oid and c.relkind = 'r'
              where n.nspname = 'nemo_mqtt'),
     nemo as (select n.oid as schema_id, c.oid as id, c.relname as name
                from pg_namespace n join pg_class c on c.relnamespace = n.oid where n.nspname = $1)
select quote_ident(current_user) as "user",
  coalesce((select array_agg(distinct 'usage on schema nemo_mqtt'::text) from own
             where not has_schema_privilege(schema_id, 'usage')), '{}')
  || coalesce((select array_agg(w.privilege || ' on nemo_mqtt.' || w.tbl order by w.tbl, w.privilege)
                 from unnest($2::text[], $3::text[]) w (tbl, privilege) join own on own.name = w.tbl
                where not has_table_privilege(own.id, w.privilege)), '{}') as log,
  coalesce((select array_agg(distinct 'schema ' || quote_ident($1)) from nemo
             where not has_schema_privilege(schema_id, 'usage')), '{}')
  || coalesce((select array_agg(w.tbl || '.' || w.col order by w.tbl, w.col)
                 from unnest($4::text[], $5::text[]) w (tbl, col) join nemo on nemo.name = w.tbl
                 join pg_attribute a on a.attrelid = nemo.id and a.attname = w.col and not a.attisdropped
                where not has_column_privilege(nemo.id, a.attnum, 'select')), '{}') as names`

/** What the role of this connection lacks. */
export interface LackingRights {
  readonly user: string
  /** Without these no change can be read. */
  readonly log: readonly string[]
  /** Without these events lack names, and tools their state. */
  readonly names: readonly string[]
}

/** Asks for the rights that the service needs; of tables that are not there, none. */
export async function checkRights(client: Queryable, nemoSchema: string): Promise<LackingRights> {
  const own = OWN.flatMap(([table, rights]) => rights.map((right) => [table, right]))
  const { rows } = await client.query<LackingRights & Record<string, unknown>>(LACKING, [
    nemoSchema,
    own.map(([table]) => table),
    own.map(([, right]) => right),
    READ.map(([table]) => table),
    READ.map(([, column]) => column),
  ])
  const [lacking] = rows
  if (lacking === undefined) throw new Error('a select without a table gave no row')
  return lacking
}
