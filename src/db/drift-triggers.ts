import type { Queryable } from './database.ts'
import type { Drift } from './drift.ts'
import { type SqlFile, shippedWatches } from './sql-files.ts'

const MIGRATE = 'nemo-mqtt migrate'

/** Tables that not every release of NEMO has: where one is missing, nothing is missed. */
const OPTIONAL: ReadonlySet<string> = new Set(['NEMO_toolwaitlist'])

/** Tables that this release watches and this database was never told to. */
export async function watchDrift(client: Queryable, files: readonly SqlFile[]): Promise<Drift[]> {
  const { rows } = await client.query<{ tbl: string }>('select tbl from nemo_mqtt.watched_table')
  const watched = new Set(rows.map((row) => row.tbl))
  return shippedWatches(files)
    .filter(({ table }) => !watched.has(table))
    .map(({ table }) => ({
      code: 'watch_missing',
      table,
      found: `${table} is not among the watched tables`,
      remedy: MIGRATE,
    }))
}

// The definitions are those that nemo_mqtt.watch() makes. pg_get_triggerdef leaves the schema of the function out when
// the search_path of the session has it.
const TRIGGERS = `
with expected as (
  select w.tbl, x.name, x.definition
    from nemo_mqtt.watched_table w
   cross join lateral (values
     ('nemo_mqtt_capture', format(
       'CREATE TRIGGER nemo_mqtt_capture AFTER INSERT OR DELETE OR UPDATE ON %I.%I FOR EACH ROW'
       ' EXECUTE FUNCTION nemo_mqtt.tg_capture(%s)', $1::text, w.tbl,
       (select string_agg(quote_literal(n), ', ' order by place) from unnest(w.noise) with ordinality u (n, place)))),
     ('nemo_mqtt_capture_truncate', format(
       'CREATE TRIGGER nemo_mqtt_capture_truncate AFTER TRUNCATE ON %I.%I FOR EACH STATEMENT'
       ' EXECUTE FUNCTION nemo_mqtt.tg_capture()', $1::text, w.tbl))) x (name, definition))
select e.tbl as "table", e.name as "trigger", c.oid is not null as "hasTable", t.tgenabled as enabled,
       t.tgfoid = to_regprocedure('nemo_mqtt.tg_capture()')
         and regexp_replace(pg_get_triggerdef(t.oid), ' EXECUTE FUNCTION tg_capture', ' EXECUTE FUNCTION nemo_mqtt.tg_capture')
             = e.definition as "isRight"
  from expected e
  left join (pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = $1)
         on c.relname = e.tbl and c.relkind in ('r', 'p')
  left join pg_trigger t on t.tgrelid = c.oid and t.tgname = e.name
 order by 1, 2`

interface FoundTrigger {
  readonly table: string
  readonly trigger: string
  readonly hasTable: boolean
  /** O fires, D does not, R and A are for sessions that replay a replica's changes. */
  readonly enabled: string | null
  readonly isRight: boolean | null
}

/** Differences between the triggers that the watched tables should have and those that they have. */
export async function triggerDrift(client: Queryable, schema: string): Promise<Drift[]> {
  const { rows } = await client.query<FoundTrigger>(TRIGGERS, [schema])
  const drift: Drift[] = []
  for (const row of rows) {
    const { table, trigger } = row
    if (row.hasTable) {
      const problem = problemOf(row)
      if (problem !== undefined) drift.push({ ...problem, table, remedy: MIGRATE })
    } else if (trigger === 'nemo_mqtt_capture' && !OPTIONAL.has(table)) {
      const found = `there is no table "${table}" in schema "${schema}": its changes are missed`
      drift.push({ code: 'table_missing', table, found, remedy: `find out where NEMO keeps it now, then ${MIGRATE}` })
    }
  }
  return drift
}

function problemOf({ table, trigger, enabled, isRight }: FoundTrigger): Pick<Drift, 'code' | 'found'> | undefined {
  if (enabled === null) return { code: 'trigger_missing', found: `${table}: the trigger ${trigger} is missing` }
  if (enabled === 'D' || enabled === 'R') {
    return { code: 'trigger_disabled', found: `${table}: the trigger ${trigger} is disabled` }
  }
  if (enabled === 'O' && isRight === true) return undefined
  return { code: 'trigger_changed', found: `${table}: the trigger ${trigger} is not the one that belongs there` }
}
