import pg from 'pg'
import { Backoff, pause } from '../backoff.ts'
import { reasonOf } from '../errors.ts'
import type { Health } from '../health.ts'

/** Two 32-bit numbers that spell `NEMO` and `MQTT`: the key of the advisory lock in NEMO's database. */
const LOCK = [0x4e454d4f, 0x4d515454] as const

/** How often a standby tries, and how often the active one looks whether it still holds the lock, in milliseconds. */
const TRY_MS = 2_000
const CHECK_MS = 3_000
const ANSWER_MS = 5_000

/**
 * The right to be the one active instance of a database: a session-level advisory lock on a connection of its own
 * (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS).
 *
 * PostgreSQL frees it the moment the session ends, so nothing stale can be left behind: no pid file, no lease to
 * wait for. When the connection is lost, the lock is taken again on a new one; only when somebody else has it by then
 * is the lease lost. In between the old and a new instance could both be active for a moment: the owner key in Redis
 * stops the old one at its next step.
 */
export class Lease {
  readonly #databaseUrl: string
  readonly #health: Health
  readonly #lost = new AbortController()
  #client: pg.Client

  private constructor(databaseUrl: string, health: Health, client: pg.Client) {
    this.#databaseUrl = databaseUrl
    this.#health = health
    this.#client = client
  }

  /** Waits, as a standby, until this instance is the active one; undefined when the signal aborts first. */
  static async acquire(databaseUrl: string, health: Health, signal: AbortSignal): Promise<Lease | undefined> {
    const backoff = new Backoff({ capMs: 5_000 })
    let client: pg.Client | undefined
    while (!signal.aborted) {
      try {
        client ??= await connect(databaseUrl)
        if (await tryLock(client)) {
          health.ok('lease', 'this instance is the active one')
          return new Lease(databaseUrl, health, client)
        }
        health.waiting('lease', 'another instance is active on this database; this one waits to take over')
        backoff.reset()
        await pause(TRY_MS, signal)
      } catch (error) {
        health.failing(
          'lease',
          `waiting for PostgreSQL: ${reasonOf(error)}`,
          'check that PostgreSQL runs and NEMO_MQTT_DATABASE_URL is right',
        )
        discard(client)
        client = undefined
        await pause(backoff.next(), signal)
      }
    }
    discard(client)
    return undefined
  }

  /** Aborts when another instance has become the active one. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Watches the lock until the signal aborts or the lease is lost, and takes it again after a lost connection. */
  async watch(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ capMs: 2_000 })
    let isConnected = true
    while (!signal.aborted && !this.#lost.signal.aborted) {
      try {
        if (!isConnected) this.#client = await connect(this.#databaseUrl)
        isConnected = true
        if (!(await holds(this.#client)) && !(await tryLock(this.#client))) {
          this.#health.waiting('lease', 'another instance has become the active one')
          this.#lost.abort()
          return
        }
        this.#health.ok('lease', 'this instance is the active one')
        backoff.reset()
        await pauseOrEnd(this.#client, CHECK_MS, signal)
      } catch (error) {
        this.#health.failing('lease', `the connection that holds the lock was lost: ${reasonOf(error)}`)
        discard(this.#client)
        isConnected = false
        await pause(backoff.next(), signal)
      }
    }
  }

  /** Frees the lock, so that a standby takes over at once. */
  release(): void {
    discard(this.#client)
  }
}

async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'nemo-mqtt lease',
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
  })
  client.on('error', () => undefined) // the next query says it; without a listener Node would end the process
  try {
    await client.connect()
    // When our machine vanishes without a word, the server must free the lock soon, not after hours. Not as a
    // start-up option of the connection: PgBouncer refuses those.
    await client.query('set tcp_keepalives_idle = 4; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 2')
    return client
  } catch (error) {
    discard(client)
    throw error
  }
}

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1, $2) as locked', [...LOCK])
  return rows[0]?.locked === true
}

async function holds(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>(
    `select exists (select from pg_locks where locktype = 'advisory' and objsubid = 2 and granted
        and classid::bigint = $1 and objid::bigint = $2 and pid = pg_backend_pid()
        and database = (select oid from pg_database where datname = current_database())) as held`,
    [...LOCK],
  )
  return rows[0]?.held === true
}

// Ends early when the connection ends, so that a lost lock is noticed at once.
async function pauseOrEnd(client: pg.Client, ms: number, signal: AbortSignal): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  client.once('end', end)
  await pause(ms, AbortSignal.any([signal, ended.signal]))
  client.off('end', end)
  if (ended.signal.aborted) throw new Error('the server closed the connection')
}

// end() waits for an answer that a dead link never gives.
function discard(client: pg.Client | undefined): void {
  client?.end().catch(() => undefined)
}
