import { HELD_BY, LOCK } from '../db/lease.ts'
import { KEYS } from '../queue/keys.ts'
import { openEnvelope } from '../sign/verify.ts'
import { checkClocks } from './clocks.ts'
import { type Check, critical, type Finding, NotTried, ok, unknown, warning } from './finding.ts'
import { allowed } from './redis-connection.ts'
import type { Site } from './site.ts'

/** The active service asks for its lock every 3 s; after so many seconds of silence it has frozen. */
const FROZEN_S = 15

const SESSIONS = `
select exists (select from pg_locks l where ${HELD_BY} and l.pid = a.pid) as "isActive", a.pid,
       host(a.client_addr) as host, extract(epoch from clock_timestamp() - a.query_start) as silent
  from pg_stat_activity a
 where a.pid in (select pid from pg_locks where ${HELD_BY})
    or (a.application_name = 'nemo-mqtt lease' and a.datname = current_database())`

interface Session {
  readonly isActive: boolean
  readonly pid: number
  readonly host: string | null
  readonly silent: string | null
}

/** Whether the service works, and what it says of itself. */
export const SERVICE_CHECKS: readonly Check[] = [
  {
    code: 'SERVICE',
    needs: ['DB_REACHABLE'],
    causes: ['MIGRATIONS', 'DB_RIGHTS', 'NEMO_FOUND'],
    look: async (site) => {
      const { pool } = await site.database()
      const { rows } = await pool.query<Session>(SESSIONS, [...LOCK])
      const active = rows.find(({ isActive }) => isActive)
      const standbys = rows.filter(({ isActive }) => !isActive).length
      if (active === undefined) {
        return critical(
          'no service is active on this database',
          'systemctl start nemo-mqtt, then journalctl -u nemo-mqtt',
        )
      }
      const where = active.host === null ? 'on the machine of PostgreSQL' : `at ${active.host}`
      const silent = Number(active.silent ?? 0)
      if (silent > FROZEN_S) {
        const found = `the active service ${where} has not been heard of for ${Math.round(silent)} s: it has frozen`
        return critical(found, 'restart it: systemctl restart nemo-mqtt')
      }
      return ok(`a service is active ${where}, ${standbys === 0 ? 'none' : standbys} as standby`)
    },
  },
  {
    code: 'BRIDGE_STATE',
    needs: ['SERVICE', 'ROUND_TRIP'],
    after: ['REDIS_DATABASE'],
    causes: ['BROKER_LIMITS'],
    look: bridgeState,
  },
  { code: 'CLOCKS', after: ['DB_REACHABLE', 'REDIS_REACHABLE'], look: checkClocks },
]

async function bridgeState(site: Site): Promise<Finding> {
  const { state: raw, roundTripMs } = await site.broker()
  if (roundTripMs === undefined) throw new NotTried('ROUND_TRIP') // who reads nothing back reads no state either
  const { topic_prefix, use_hmac, hmac_secret_key } = (await site.settings()).settings
  const topic = `${topic_prefix}/bridge/state`
  const said = await saidInRedis(site)
  const look = 'compare the settings of the service with those of this check; then journalctl -u nemo-mqtt'
  if (raw === undefined) {
    const found = `a service is active, but the broker has no ${topic}: it is connected to another broker or prefix`
    return warning(`${found}${said}`, look)
  }
  const state = use_hmac ? openEnvelope(raw, hmac_secret_key) : raw
  if (state === undefined) return warning(`${topic} is not signed with our key`, look)
  if (state === 'online') return ok(`${topic} says online${said}`)
  if (['stopped', 'lost'].includes(state)) {
    return warning(`a service is active, but ${topic} says ${state}${said}`, 'journalctl -u nemo-mqtt')
  }
  return unknown(`${topic} says something unknown: ${JSON.stringify(state.slice(0, 60))}`, look)
}

async function saidInRedis(site: Site): Promise<string> {
  const redis = await site.redis().catch(() => undefined) // REDIS_REACHABLE says why
  if (redis === undefined) return ''
  const status = await allowed(redis.get(KEYS.status)).catch(() => undefined)
  return status ? `; in Redis it says ${status}` : ''
}
