import { AppError } from '../errors.ts'
import type { Queryable } from './database.ts'

interface Rights {
  readonly user: string
  readonly database: string
  readonly schemaOwner: string | null
  readonly ownsSchema: boolean
  readonly mayCreate: boolean
  readonly mayUseNemo: boolean
}

const RIGHTS = `
select quote_ident(current_user) as user, quote_ident(current_database()) as database,
       quote_ident(pg_get_userbyid(n.nspowner)) as "schemaOwner",
       coalesce(pg_has_role(n.nspowner, 'usage'), false) as "ownsSchema",
       has_database_privilege(current_database(), 'create') as "mayCreate",
       has_schema_privilege($1, 'usage') as "mayUseNemo"
  from (select 1) one left join pg_namespace n on n.nspname = 'nemo_mqtt'`

const TABLES = `
select c.oid::regclass::text as "table"
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = $1 and c.relname = any ($2) and c.relkind in ('r', 'p') and not has_table_privilege(c.oid, 'trigger')
 order by 1`

/**
 * Makes sure, before anything is changed, that the migrations can be carried through.
 *
 * @param nemoSchema where NEMO's tables are
 * @param tables the tables that need a trigger
 * @throws AppError NEMO_MQTT_ERR_RIGHTS whose hint is the GRANT that helps
 */
export async function requireRights(client: Queryable, nemoSchema: string, tables: readonly string[]): Promise<void> {
  const { rows } = await client.query<Rights>(RIGHTS, [nemoSchema])
  const [rights] = rows
  if (rights === undefined) throw new Error('a select without a table gave no row')
  const { user, database, schemaOwner } = rights
  if (schemaOwner !== null && !rights.ownsSchema) {
    throw lacking(`schema nemo_mqtt belongs to ${schemaOwner}, not to ${user}`, `connect as ${schemaOwner}`)
  }
  if (schemaOwner === null && !rights.mayCreate) {
    const what = `${user} may not create a schema in database ${database}`
    throw lacking(what, `grant create on database ${database} to ${user}`)
  }
  if (!rights.mayUseNemo) {
    const what = `${user} may not use schema "${nemoSchema}", where NEMO's tables are`
    throw lacking(what, `grant usage on schema "${nemoSchema}" to ${user}, or connect as the owner of NEMO's tables`)
  }
  const found = await client.query<{ table: string }>(TABLES, [nemoSchema, [...tables]])
  const missing = found.rows.map((row) => row.table).join(', ')
  if (missing !== '') {
    const what = `${user} may not create triggers on ${missing}`
    throw lacking(what, `connect as the owner of NEMO's tables, or grant trigger on ${missing} to ${user}`)
  }
}

function lacking(what: string, hint: string): AppError {
  return new AppError('NEMO_MQTT_ERR_RIGHTS', what, { hint })
}
