import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { databaseUrl } from '../config/environment.ts'
import { findNotices } from '../db/find-drift.ts'
import { backendPid } from '../db/pool.ts'
import { type Check, type Finding, ok, warning } from './finding.ts'
import type { Site } from './site.ts'

/** Longest wait for our own notification, in milliseconds. */
const ECHO_MS = 2_000
const DIRECT = 'give the address of PostgreSQL itself in NEMO_MQTT_DATABASE_URL'

/** Whether PostgreSQL wakes us. */
export const NOTIFICATION_CHECKS: readonly Check[] = [
  { code: 'NOTIFICATIONS', needs: ['DB_REACHABLE'], look: async (site) => await listen(site) },
]

// Heard on one connection, sent on another: behind a pooler a connection hears itself by chance.
async function listen(site: Site): Promise<Finding> {
  const { databaseMs } = site.limits
  const { pool } = await site.database()
  const client = new pg.Client({
    connectionString: databaseUrl(site.environment),
    application_name: 'nemo-mqtt check',
    connectionTimeoutMillis: databaseMs,
    query_timeout: databaseMs,
  })
  client.on('error', () => undefined) // the next query says it
  site.atEnd(() => void client.end().catch(() => undefined))
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const isPooled = rows[0]?.pid !== backendPid(client)
  const channel = `nemo_mqtt_check_${randomBytes(6).toString('hex')}`
  const heard = new AbortController()
  client.on('notification', (notification) => {
    if (notification.channel === channel) heard.abort()
  })
  await client.query(`listen ${channel}`)
  const since = performance.now()
  await pool.query('select pg_notify($1, $2)', [channel, ''])
  const end = AbortSignal.any([heard.signal, AbortSignal.timeout(ECHO_MS), site.signal])
  if (!end.aborted) {
    await new Promise<void>((resolve) => end.addEventListener('abort', () => resolve(), { once: true }))
  }
  const ms = Math.round(performance.now() - since)
  await client.query(`unlisten ${channel}`)
  if (!heard.signal.aborted) {
    const who = isPooled
      ? 'a pooler in transaction mode (PgBouncer) stands before PostgreSQL'
      : 'something between us and PostgreSQL swallows it, such as a pooler in transaction mode (PgBouncer)'
    return warning(`LISTEN is accepted, but our own NOTIFY does not arrive within ${ECHO_MS / 1_000} s: ${who}`, DIRECT)
  }
  const notices = await findNotices(pool)
  return ok(`our own NOTIFY arrives after ${ms} ms${notices.map((notice) => `; ${notice}`).join('')}`)
}
