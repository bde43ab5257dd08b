import { type Generated, type GeneratedAlways, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { AppError, codeOf, reasonOf } from '../errors.ts'
import type { Trouble } from '../tls/fault.ts'
import { databaseTlsTrouble } from './tls-trouble.ts'

/** Our own tables in NEMO's database, made by `sql/000001_change_log.sql`. Numbers of type bigint come as digits. */
export interface OwnTables {
  'nemo_mqtt.change_log': {
    id: GeneratedAlways<string>
    at: Generated<Date>
    tbl: string
    op: string
    old: unknown
    new: unknown
  }
  'nemo_mqtt.unmapped': {
    id: string
    at: Date
    tbl: string
    op: string
    old: unknown
    new: unknown
    reason: string
    set_aside_at: Generated<Date>
  }
  'nemo_mqtt.installation': { id: string }
  'nemo_mqtt.watched_table': { tbl: string; noise: string[] }
  'nemo_mqtt.service_role': { name: string; created: boolean; granted: string[] }
  'nemo_mqtt.configuration': {
    name: string
    enabled: Generated<boolean>
    settings: unknown
    updated_at: Generated<Date>
  }
  'nemo_mqtt.configuration_history': {
    id: GeneratedAlways<string>
    at: Generated<Date>
    who: string
    name: string
    before: unknown
    after: unknown
  }
  'nemo_mqtt.message_log': {
    id: GeneratedAlways<string>
    at: Generated<Date>
    change_id: string | null
    tbl: string | null
    row_id: string | null
    event: string | null
    tool_id: string | null
    area_id: string | null
    topic: string | null
    payload: string | null
    outcome: string
    reason: string | null
  }
  'nemo_mqtt.retained_topic': { topic: string }
  'nemo_mqtt.kysely_migration': { name: string; timestamp: string }
}

/** Whatever can run a query: a pool, or one connection. */
export interface Queryable {
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<R>>
}

/** Connections for one command: plain SQL, the same through Kysely, and an end. */
export interface Database {
  readonly pool: pg.Pool
  readonly kysely: Kysely<OwnTables>
  readonly close: () => Promise<void>
}

/** A notice or warning of the server. */
export interface Notice {
  readonly code?: string | undefined
  readonly message?: string | undefined
}

/** How long {@link connect} and what follows may take, in milliseconds. */
export interface Patience {
  readonly connectMs: number
  /** Longest wait for one answer; none when undefined. */
  readonly answerMs?: number
}

const CONNECT_MS = 10_000

/**
 * Opens the database for one command and makes sure that it answers.
 *
 * @param onNotice sees every notice and warning that the server sends
 * @throws AppError NEMO_MQTT_ERR_DATABASE
 */
export async function connect(
  url: string,
  onNotice: (notice: Notice) => void = () => undefined,
  patience: Patience = { connectMs: CONNECT_MS },
): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'nemo-mqtt',
    connectionTimeoutMillis: patience.connectMs,
    query_timeout: patience.answerMs,
    max: 2,
  })
  // The query that is running fails with it; a connection that idles has nothing to tell. Without a listener on both,
  // Node would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined).on('notice', onNotice))
  const kysely = new Kysely<OwnTables>({ dialect: new PostgresDialect({ pool }) })
  const close = async (): Promise<void> => {
    await kysely.destroy()
    if (!pool.ending) await pool.end() // Kysely ends a pool only if it has used it
  }
  try {
    await pool.query('select 1')
  } catch (error) {
    await close()
    throw connectError(error, url, await databaseTlsTrouble(url, error))
  }
  return { pool, kysely, close }
}

/** What the database refused, for people. An AppError stays as it is. */
export function databaseError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const hint = error instanceof pg.DatabaseError ? error.hint : undefined
  const code = codeOf(error) === '42501' ? 'NEMO_MQTT_ERR_RIGHTS' : 'NEMO_MQTT_ERR_DATABASE'
  return new AppError(code, reasonOf(error), { cause: error, ...(hint === undefined ? {} : { hint }) })
}

function connectError(error: unknown, url: string, tls: Trouble | undefined): AppError {
  const why = tls?.why ?? reasonOf(error)
  // Nothing of the error is passed on: it shows the URL, and the password in it.
  if (!URL.canParse(url)) return new AppError('NEMO_MQTT_ERR_DATABASE', `cannot connect to the database: ${why}`)
  const { host, port, name, user } = describe(url)
  const place = `database "${name}" at ${host}:${port} as "${user}"`
  const hint = tls === undefined ? (HINTS[codeOf(error) ?? ''] ?? hintFor(why)) : () => tls.todo
  return new AppError('NEMO_MQTT_ERR_DATABASE', `cannot connect to ${place}: ${why}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint: hint(host, name, user) }),
  })
}

type Hint = (host: string, name: string, user: string) => string

const notReached: Hint = (host) => `check that PostgreSQL runs on ${host}, listens there and no firewall is between`
const HINTS: Readonly<Record<string, Hint>> = {
  ECONNREFUSED: notReached,
  ETIMEDOUT: notReached,
  EHOSTUNREACH: notReached,
  ENOENT: (host) => `no server has its socket in ${host}`,
  ENOTFOUND: (host) => `nothing is known by the name ${host}: correct the host in NEMO_MQTT_DATABASE_URL`,
  EAI_AGAIN: (host) => `the name ${host} cannot be looked up at the moment`,
  '28P01': (_host, _name, user) => `correct the password of "${user}" in NEMO_MQTT_DATABASE_URL`,
  '28000': (_host, name, user) =>
    `create role "${user}", or add a line for it and database "${name}" to the server’s pg_hba.conf`,
  '3D000': () => 'correct the name of the database in NEMO_MQTT_DATABASE_URL: the one that NEMO uses',
  '42501': (_host, name, user) => `grant connect on database "${name}" to "${user}"`,
  '53300': () => 'raise max_connections of the server, or end sessions that nobody needs',
  '57P03': () => 'the server is starting or stopping: try again in a moment',
}

// The driver gives no code for these.
function hintFor(why: string): Hint | undefined {
  if (/timeout/i.test(why)) return notReached
  if (/password must be a/i.test(why)) return (_host, _name, user) => `give "${user}" its password in the URL`
  return undefined
}

function describe(url: string): { host: string; port: string; name: string; user: string } {
  const { hostname, port, pathname, username, searchParams } = new URL(url)
  const host = searchParams.get('host') ?? (decodeURIComponent(hostname) || 'localhost')
  const user = decodeURIComponent(username) || (process.env.PGUSER ?? process.env.USER ?? '')
  return { host, port: port || (process.env.PGPORT ?? '5432'), name: decodeURIComponent(pathname.slice(1)), user }
}
