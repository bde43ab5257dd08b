import { KEYS } from '../queue/keys.ts'
import { judgeWait, measure, WHAT_HOLDS_UP } from './change-log.ts'
import { type Check, critical, type Finding, ok, unknown, warning } from './finding.ts'
import type { MetricName } from './metrics.ts'
import { allowed } from './redis-connection.ts'
import type { Site } from './site.ts'

/** Names that our own connections give themselves. */
const OURS = /^nemo-mqtt/
/** Commands that take an entry away, as CLIENT LIST shows them. */
const TAKES = /^(b?[lr]pop|b?rpoplpush|b?lmove|b?lmpop)$/

/** The lists in Redis, and who else works on them. */
export const QUEUE_CHECKS: readonly Check[] = [
  {
    code: 'QUEUE',
    needs: ['REDIS_DATABASE'],
    causes: WHAT_HOLDS_UP,
    look: async (site) =>
      await waiting(
        site,
        KEYS.queue,
        'messages',
        ['queue', 'queue_oldest_seconds'],
        'see the log: journalctl -u nemo-mqtt',
      ),
  },
  {
    code: 'IN_FLIGHT',
    needs: ['REDIS_DATABASE'],
    causes: WHAT_HOLDS_UP,
    look: async (site) =>
      await waiting(
        site,
        KEYS.inFlight,
        'messages without acknowledgement',
        ['in_flight', 'in_flight_oldest_seconds'],
        'see whether the broker refuses them: its log, and journalctl -u nemo-mqtt',
      ),
  },
  {
    code: 'PARKED',
    needs: ['REDIS_DATABASE'],
    look: async (site) => {
      const redis = await site.redis()
      const count = await allowed(redis.llen(KEYS.parked))
      if (count === undefined) return unknown('our Redis user may not read the list', 'see REDIS_WRITE')
      measure(site, 'parked', count)
      if (count === 0) return ok('no message is parked')
      return warning(`${count} messages cannot be published`, 'nemo-mqtt status names topic and reason of the newest')
    },
  },
  { code: 'QUEUE_OWNER', needs: ['REDIS_DATABASE'], after: ['SCHEMA'], look: others },
]

// The oldest is the last one of either list.
async function waiting(
  site: Site,
  key: string,
  what: string,
  [number, seconds]: readonly [MetricName, MetricName],
  todo: string,
): Promise<Finding> {
  const redis = await site.redis()
  const count = await allowed(redis.llen(key))
  const oldest = await allowed(redis.lrange(key, -1, -1))
  if (count === undefined) return unknown('our Redis user may not read the list', 'see REDIS_WRITE')
  measure(site, number, count)
  const queuedAt = timestampOf(oldest?.[0])
  const age = queuedAt === undefined ? undefined : Math.max(0, Date.now() / 1_000 - queuedAt)
  if (count === 0) measure(site, seconds, 0)
  else if (age !== undefined) measure(site, seconds, Math.round(age))
  return judgeWait(what, count, age, todo)
}

function timestampOf(entry: string | undefined): number | undefined {
  try {
    const timestamp = (JSON.parse(entry ?? 'null') as { timestamp?: unknown } | null)?.timestamp
    return typeof timestamp === 'number' ? timestamp : undefined
  } catch {
    return undefined // another program's entry, which will be parked
  }
}

async function others(site: Site): Promise<Finding | readonly Finding[]> {
  const redis = await site.redis()
  const findings: Finding[] = []
  const foreign = await foreignOwner(site)
  if (foreign !== undefined) {
    const todo = 'give this installation a database of its own: another number at the end of NEMO_MQTT_REDIS_URL'
    findings.push(critical(`installation ${foreign} works on the same Redis list`, todo))
  }
  const clients = await allowed(redis.client('LIST'))
  if (clients === undefined) {
    const todo = 'allow the Redis user +client|list, for the check alone'
    return [
      ...findings,
      unknown('who else works on the list cannot be seen: our Redis user may not ask (CLIENT LIST)', todo),
    ]
  }
  const strangers = String(clients)
    .split('\n')
    .map(fieldsOf)
    .filter(({ db, name = '' }) => Number(db) === site.redisDatabase && !OURS.test(name))
  const takers = strangers.filter(({ cmd = '' }) => TAKES.test(cmd))
  if (takers.length > 0) {
    const who = takers.map(({ addr, cmd, name }) => `${addr} (${name ? `${name}, ` : ''}${cmd})`).join(', ')
    const found = `another program takes entries out of a list in database ${site.redisDatabase}: ${who}`
    findings.push(critical(found, 'stop it: it may be an old bridge of the Python plugin'))
  }
  if (findings.length > 0) return findings
  const adders = strangers.filter(({ cmd = '' }) => /^[lr]pushx?$/.test(cmd)).map(({ addr }) => addr)
  return ok(`nobody else takes entries${adders.length === 0 ? '' : `; ${adders.join(', ')} may add some`}`)
}

/** The installation that owns the lists and is alive, if it is another one. */
async function foreignOwner(site: Site): Promise<string | undefined> {
  const redis = await site.redis()
  const database = await site.database().catch(() => undefined) // DB_REACHABLE says why
  const own = await database?.pool
    .query<{ id: string }>('select id from nemo_mqtt.installation')
    .then(({ rows }) => rows[0]?.id)
    .catch(() => undefined) // SCHEMA and DB_RIGHTS say why
  const owner = (await allowed(redis.get(KEYS.owner)))?.split(' ')[0]
  const status = await allowed(redis.get(KEYS.status))
  return own !== undefined && owner && owner !== own && status ? owner : undefined
}

function fieldsOf(line: string): Record<string, string> {
  return Object.fromEntries(line.split(' ').map((field) => [field.split('=')[0], field.slice(field.indexOf('=') + 1)]))
}
