import type { Queryable } from './database.ts'
import type { Drift } from './drift.ts'
import { SHIPPED_FUNCTIONS, type SqlFile, shippedFunction } from './sql-files.ts'

const MIGRATE = 'nemo-mqtt migrate'

/** Our tables, with the columns that something needs. A table that others made by that name counts as unusable. */
const LOG_COLUMNS = ['id', 'at', 'tbl', 'op', 'old', 'new']
const OWN_TABLES: Readonly<Record<string, readonly string[]>> = {
  change_log: LOG_COLUMNS,
  unmapped: [...LOG_COLUMNS, 'reason', 'set_aside_at'],
  installation: ['id'],
  service_role: ['name', 'created', 'granted'],
  configuration: ['name', 'enabled', 'settings', 'updated_at'],
  configuration_history: ['id', 'at', 'who', 'name', 'before', 'after'],
  retained_topic: ['topic'],
  message_log: ['id', 'at', 'change_id', 'tbl', 'row_id', 'event', 'topic', 'payload', 'outcome', 'reason'],
}

/** Whether our tables are there, and whether something stands between the trigger function and the log. */
export async function logDrift(client: Queryable): Promise<Drift[]> {
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `select c.relname::text as table, array_agg(a.attname::text) as columns
       from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = to_regnamespace('nemo_mqtt') and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      group by 1`,
  )
  const drift: Drift[] = []
  for (const [table, needed] of Object.entries(OWN_TABLES)) {
    const columns = rows.find((row) => row.table === table)?.columns
    if (columns === undefined) {
      const remedy = `rename it back if it was renamed, else ${MIGRATE}`
      drift.push({ code: 'log_missing', found: `the table nemo_mqtt.${table} is missing`, remedy })
    } else if (needed.some((column) => !columns.includes(column))) {
      const found = `the table nemo_mqtt.${table} has the columns ${columns.join(', ')}`
      drift.push({ code: 'log_unusable', found, remedy: `drop it, then ${MIGRATE}` })
    }
  }
  return [...drift, ...(await obstacles(client))]
}

// A constraint or trigger that somebody put on the log can refuse every change.
async function obstacles(client: Queryable): Promise<Drift[]> {
  const { rows } = await client.query<{ what: string; drop: string }>(
    `select 'constraint ' || quote_ident(conname) as what,
            format('alter table nemo_mqtt.change_log drop constraint %I', conname) as drop
       from pg_constraint where conrelid = to_regclass('nemo_mqtt.change_log') and contype in ('c', 'f', 'u', 'x')
      union all
     select 'trigger ' || quote_ident(tgname), format('drop trigger %I on nemo_mqtt.change_log', tgname)
       from pg_trigger where tgrelid = to_regclass('nemo_mqtt.change_log') and not tgisinternal
      order by 1`,
  )
  return rows.map(({ what, drop }) => ({
    code: 'log_unusable',
    found: `the change log has a ${what} that is not ours and may refuse changes`,
    remedy: drop,
  }))
}

interface FoundFunction {
  readonly body: string
  readonly settings: string[] | null
  readonly isSecurityDefiner: boolean
  readonly owner: string
  readonly mayInsert: boolean | null
}

/** Whether our functions are those that this release ships, and may write to the log. */
export async function functionDrift(client: Queryable, files: readonly SqlFile[]): Promise<Drift[]> {
  const drift: Drift[] = []
  for (const signature of SHIPPED_FUNCTIONS) drift.push(...(await driftOf(signature, client, files)))
  return drift
}

async function driftOf(
  signature: (typeof SHIPPED_FUNCTIONS)[number],
  client: Queryable,
  files: readonly SqlFile[],
): Promise<Drift[]> {
  const name = `the function nemo_mqtt.${signature}`
  const { rows } = await client.query<FoundFunction>(
    `select p.prosrc as body, p.proconfig as settings, p.prosecdef as "isSecurityDefiner",
            quote_ident(pg_get_userbyid(p.proowner)) as owner,
            has_table_privilege(p.proowner, to_regclass('nemo_mqtt.change_log'), 'insert')
              and has_schema_privilege(p.proowner, 'nemo_mqtt', 'usage') as "mayInsert"
       from pg_proc p where p.oid = to_regprocedure($1)`,
    [`nemo_mqtt.${signature}`],
  )
  const [found] = rows
  if (found === undefined) return [{ code: 'function_missing', found: `${name} is missing`, remedy: MIGRATE }]
  const shipped = shippedFunction(files, signature)
  const drift: Drift[] = []
  const isSame =
    found.isSecurityDefiner &&
    withLf(found.body) === withLf(shipped.body) &&
    found.settings?.length === shipped.settings.length &&
    shipped.settings.every((setting) => found.settings?.includes(setting))
  if (!isSame) {
    drift.push({ code: 'function_changed', found: `${name} is not the one of this release`, remedy: MIGRATE })
  }
  if (found.mayInsert === false) {
    const found_ = `the owner of ${name}, ${found.owner}, may not insert into the change log`
    const remedy = `grant usage on schema nemo_mqtt to ${found.owner}; grant insert on nemo_mqtt.change_log to ${found.owner}`
    drift.push({ code: 'log_unusable', found: found_, remedy })
  }
  return drift
}

// Some administration tools save a function with the line ends of Windows.
function withLf(text: string): string {
  return text.replaceAll('\r\n', '\n')
}
