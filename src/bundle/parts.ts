import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { arch, availableParallelism, platform, release, totalmem, uptime } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { countMessages } from '../archive/store.ts'
import { databaseUrl, fromEnvironment, redisSettings, variableOf } from '../config/environment.ts'
import { settingsInForce } from '../config/in-force.ts'
import { resolveMachineSettings } from '../config/resolve.ts'
import { SECRET_NAMES, SETTINGS, type SettingName } from '../config/settings.ts'
import { connect, type Database, databaseError } from '../db/database.ts'
import { readState } from '../db/state.ts'
import { KEYS } from '../queue/keys.ts'
import { readParked } from '../queue/parked.ts'
import { visitRedis } from '../queue/visit.ts'
import { PROGRAMS, version } from '../version.ts'
import type { Site } from './bundle.ts'
import { cleanTopic } from './scrub.ts'

const run = promisify(execFile)
const CHECK = join(PROGRAMS, 'nemo-mqtt-check.js')
const ANSWER_MS = 5_000
const LOG_LINES = 1_000
const MOST_OUTPUT = 16_000_000

/** One file of the archive and what goes into it: lines, or an object, which becomes JSON. */
export interface Part {
  readonly name: string
  readonly read: (site: Site) => Promise<unknown>
  /** It holds numbers and our own words alone, so what it quotes may stay. */
  readonly isOurs?: true
}

/** All of them. What they give is cleaned once more before it is written. */
export const PARTS: readonly Part[] = [
  { name: 'about.json', read: about },
  { name: 'settings.json', read: settings },
  { name: 'check.json', read: check },
  { name: 'database.json', read: ({ environment }) => readState(databaseUrl(environment)) },
  { name: 'postgresql.json', read: postgresql },
  { name: 'redis.json', read: redis },
  { name: 'parked.json', read: parked },
  { name: 'counts.json', read: counts },
  { name: 'health.json', read: async (site) => JSON.parse(await ask(site, '/health')) as unknown },
  { name: 'metrics.txt', read: (site) => ask(site, '/metrics'), isOurs: true },
  { name: 'log.txt', read: journal },
]

async function about(): Promise<unknown> {
  return {
    time: new Date().toISOString(),
    version: version(),
    node: process.version,
    os: `${platform()} ${release()} ${arch()}`,
    processors: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    upHours: Math.round(uptime() / 3_600),
  }
}

/** Names of people, or of users, may stand in these. */
const ONLY_WHETHER_SET: ReadonlySet<string> = new Set([...SECRET_NAMES, 'username', 'client_id'])

async function settings({ environment, settings: known }: Site): Promise<unknown> {
  const all = known ?? (await settingsInForce(environment)) // which says why they cannot be used
  return Object.fromEntries(
    (Object.keys(SETTINGS.properties) as SettingName[]).map((name) => {
      const isFixed =
        Object.hasOwn(environment, variableOf(name)) || Object.hasOwn(environment, `${variableOf(name)}_FILE`)
      const value = ONLY_WHETHER_SET.has(name) ? (all[name] === '' ? 'not set' : 'set') : all[name]
      return [name, { value, isFixedByEnvironment: isFixed }]
    }),
  )
}

async function check({ environment }: Site): Promise<unknown> {
  if (!existsSync(CHECK)) return 'there is no nemo-mqtt-check beside us'
  // Its exit code is its verdict, so what it printed counts whatever the code.
  const { stdout } = await run(process.execPath, [CHECK, '--json'], {
    env: environment,
    timeout: 15_000,
    maxBuffer: MOST_OUTPUT,
  }).catch((error: unknown) => error as { stdout?: string })
  return JSON.parse(stdout ?? '') as unknown
}

/** Settings of PostgreSQL that have to do with us. */
const POSTGRES_SETTINGS = [
  'autovacuum',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'fsync',
  'idle_session_timeout',
  'max_connections',
  'max_prepared_transactions',
  'server_encoding',
  'session_replication_role',
  'shared_buffers',
  'statement_timeout',
  'synchronous_commit',
  'tcp_keepalives_idle',
  'TimeZone',
  'wal_level',
]

async function postgresql(site: Site): Promise<unknown> {
  return await inDatabase(site, async ({ pool }) => {
    const { rows: about } = await pool.query<{ version: string; standby: boolean; bytes: string }>(
      'select version(), pg_is_in_recovery() as standby, pg_database_size(current_database())::text as bytes',
    )
    const { rows } = await pool.query<{ name: string; setting: string }>(
      'select name, setting from pg_settings where name = any($1) order by name',
      [POSTGRES_SETTINGS],
    )
    return { ...about[0], settings: Object.fromEntries(rows.map(({ name, setting }) => [name, setting])) }
  })
}

/** Fields of INFO that have to do with us. */
const REDIS_FIELDS =
  /^(redis_version|redis_mode|os|uptime_in_seconds|role|connected_clients|blocked_clients|used_memory|maxmemory|maxmemory_policy|mem_fragmentation_ratio|aof_enabled|rdb_last_bgsave_status|rdb_changes_since_last_save|rejected_connections|evicted_keys|loading|db\d+):(.*?)\r?$/gm

async function redis({ environment }: Site): Promise<unknown> {
  return await visitRedis(redisSettings(environment), async (client) => {
    const info = await client.info() // may be forbidden, and then the rest is in counts.json
    return Object.fromEntries([...info.matchAll(REDIS_FIELDS)].map(([, name = '', value = '']) => [name, value]))
  })
}

async function parked({ environment }: Site): Promise<unknown> {
  const all = await visitRedis(redisSettings(environment), readParked)
  return all.map(({ number, time, attempts, reason, entry }) => {
    return { number, time, attempts, reason, topic: cleanTopic(entry?.topic ?? null) }
  })
}

async function counts(site: Site): Promise<unknown> {
  const inRedis = await visitRedis(redisSettings(site.environment), async (client) => ({
    queue: await client.llen(KEYS.queue),
    inFlight: await client.llen(KEYS.inFlight),
    parked: await client.llen(KEYS.parked),
    monitor: await client.llen(KEYS.monitor),
    bridge: await client.get(KEYS.status),
  })).catch((error: unknown) => ({ error: (error as Error).message }))
  const inPostgres = await inDatabase(site, async ({ pool }) => {
    const byTable = async (name: 'change_log' | 'unmapped'): Promise<unknown> => {
      const text = `select tbl as "table", op, count(*)::int as count, min(at) as oldest from nemo_mqtt.${name} group by 1, 2`
      return (await pool.query<Record<string, unknown>>(`${text} order by 1, 2`)).rows
    }
    return {
      changeLog: await byTable('change_log'),
      unmapped: await byTable('unmapped'),
      messageLog: await countMessages(pool),
    }
  }).catch((error: unknown) => ({ error: (error as Error).message }))
  return { redis: inRedis, postgresql: inPostgres }
}

async function inDatabase<T>({ environment }: Site, read: (database: Database) => Promise<T>): Promise<T> {
  const database = await connect(databaseUrl(environment))
  try {
    return await read(database)
  } catch (error) {
    throw databaseError(error)
  } finally {
    await database.close()
  }
}

async function ask({ environment, settings: known }: Site, path: string): Promise<string> {
  const { http_port: port } = known ?? resolveMachineSettings(fromEnvironment(environment))
  if (port === 0) throw new Error('health and metrics are turned off (NEMO_MQTT_HTTP_PORT=0)')
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(ANSWER_MS) })
  return await answer.text()
}

/** Fields of our log lines that name stages, numbers and our own words. */
const LOG_FIELDS = [
  'time',
  'level',
  'stage',
  'state',
  'msg',
  'todo',
  'reason',
  'change',
  'table',
  'attempts',
  'dropped',
]

async function journal(): Promise<string> {
  const words = ['--unit', 'nemo-mqtt', '--lines', String(LOG_LINES), '--output', 'cat', '--no-pager']
  const { stdout } = await run('journalctl', words, { timeout: ANSWER_MS, maxBuffer: MOST_OUTPUT })
  return stdout.split('\n').map(logLine).join('\n')
}

// Each text of a line is cleaned on its own: the quotes of JSON would otherwise hide the whole line.
function logLine(line: string): string {
  try {
    const fields = JSON.parse(line) as Record<string, unknown>
    const err = fields.err as { message?: unknown; code?: unknown } | undefined
    const values = [...LOG_FIELDS.map((name) => fields[name]), err?.code, err?.message]
    return values.filter((value) => value !== undefined).join('  ')
  } catch {
    return line // of systemd, or a stack trace
  }
}
