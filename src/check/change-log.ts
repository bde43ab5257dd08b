import { type Check, critical, type Finding, ok, unknown, warning } from './finding.ts'
import { LATE_S, type MetricName } from './metrics.ts'
import type { Site } from './site.ts'

/** The table looks after itself from 1,000 dead rows on; so many mean that it cannot. */
const MANY_DEAD = 50_000
/** While one of these fails, changes must wait. */
const DOWNSTREAM = [
  'REDIS_WRITE',
  'REDIS_REACHABLE',
  'REDIS_DATABASE',
  'CONFIGURATION',
  'SERVICE',
  'QUEUE_OWNER',
] as const
const BROKER = ['BROKER_DNS', 'BROKER_TCP', 'BROKER_TLS', 'BROKER_LOGIN', 'BROKER_PUBLISH', 'BRIDGE_STATE'] as const

/** Checks that can be the reason why something waits. */
export const WHAT_HOLDS_UP = [...DOWNSTREAM, ...BROKER] as const

/** What waits in PostgreSQL. */
export const CHANGE_LOG_CHECKS: readonly Check[] = [
  {
    code: 'CHANGE_LOG',
    needs: ['SCHEMA'],
    causes: WHAT_HOLDS_UP,
    look: async (site) => {
      const [row] = await ask<{ depth: string; age: string | null }>(
        site,
        `select count(*) as depth, extract(epoch from clock_timestamp() - min(at)) as age from nemo_mqtt.change_log`,
      )
      const depth = Number(row?.depth)
      measure(site, 'change_log_depth', depth)
      const age = Math.max(0, Number(row?.age ?? 0))
      measure(site, 'oldest_seconds', Math.round(age))
      return judgeWait('changes', depth, depth === 0 ? undefined : age, 'see the log: journalctl -u nemo-mqtt')
    },
  },
  {
    code: 'CHANGE_LOG_BLOAT',
    needs: ['SCHEMA'],
    look: async (site) => {
      const [row] = await ask<{ dead: string; live: string; size: string }>(
        site,
        `select n_dead_tup as dead, n_live_tup as live, pg_size_pretty(pg_total_relation_size(relid)) as size
           from pg_stat_all_tables where schemaname = 'nemo_mqtt' and relname = 'change_log'`,
      )
      if (row === undefined) return unknown('PostgreSQL keeps no statistics of the change log', 'set track_counts = on')
      const [dead, live] = [Number(row.dead), Number(row.live)]
      measure(site, 'change_log_dead_rows', dead)
      const found = `${dead} dead rows beside ${live} live ones, ${row.size} on disk`
      if (dead < MANY_DEAD || dead < 2 * live) return ok(found)
      return warning(found, await whatHoldsVacuum(site))
    },
  },
  {
    code: 'UNMAPPED',
    needs: ['SCHEMA'],
    look: async (site) => {
      const [row] = await ask<{ count: string; reason: string | null }>(
        site,
        `select count(*) as count, (select tbl || ': ' || reason from nemo_mqtt.unmapped
           order by set_aside_at desc, id desc limit 1) as reason from nemo_mqtt.unmapped`,
      )
      const count = Number(row?.count)
      measure(site, 'unmapped', count)
      if (count === 0) return ok('every change was understood')
      return warning(
        `${count} changes were set aside, the last one of ${row?.reason}`,
        'nemo-mqtt status names them; report them, and install a release of nemo-mqtt that knows this NEMO',
      )
    },
  },
]

/** Judges what waits by the age of the oldest, in seconds. */
export function judgeWait(what: string, count: number, age: number | undefined, todo: string): Finding {
  if (count === 0) return ok(`no ${what} wait`)
  const found = `${count} ${what} wait, the oldest for ${age === undefined ? 'an unknown time' : `${Math.round(age)} s`}`
  if (age === undefined || age < LATE_S.warning) return ok(found)
  return age < LATE_S.critical ? warning(found, todo) : critical(found, todo)
}

/** Keeps a number for monitoring. */
export function measure(site: Site, name: MetricName, value: number): void {
  site.metrics[name] = value
}

// Rows that a snapshot can still see are not cleaned up.
async function whatHoldsVacuum(site: Site): Promise<string> {
  const [row] = await ask<{ who: string }>(
    site,
    `select pid || ' of ' || coalesce(usename, '?') || coalesce(' (' || nullif(application_name, '') || ')', '') as who
       from pg_stat_activity where backend_xmin is not null and pid <> pg_backend_pid()
      order by age(backend_xmin) desc limit 1`,
  )
  if (row === undefined) return 'see that autovacuum is on, then vacuum nemo_mqtt.change_log'
  return `end the session ${row.who}: it holds an old snapshot; then vacuum nemo_mqtt.change_log`
}

async function ask<Row extends object>(site: Site, question: string): Promise<Row[]> {
  const { rows } = await (await site.database()).pool.query(question)
  return rows as Row[]
}
