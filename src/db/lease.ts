import pg from 'pg'
import { Backoff, pause } from '../backoff.ts'
import { reasonOf } from '../errors.ts'
import type { Health } from '../health.ts'
import { Wake } from '../wake.ts'
import { backendPid } from './pool.ts'
import { databaseTlsTrouble } from './tls-trouble.ts'

/** Two 32-bit numbers that spell `NEMO` and `MQTT`: the key of the advisory lock in NEMO's database. */
export const LOCK = [0x4e454d4f, 0x4d515454] as const

/** How often a standby tries, and how often the active one looks whether it still holds the lock, in milliseconds. */
const TRY_MS = 2_000
const CHECK_MS = 3_000
const ANSWER_MS = 5_000

/**
 * So many tries in a row, 20 s, the active instance may be silent before its session is ended. Longer than its broker
 * waits for a sign of life (1.5 times the keep-alive, 12 s): by then its link is closed there, so that it cannot send
 * what it still has in memory when it wakes up.
 */
const FROZEN_TRIES = 10

/** Condition on pg_locks: the lock is held. Its parameters are those of {@link LOCK}. */
export const HELD_BY = `
locktype = 'advisory' and objsubid = 2 and granted and classid::bigint = $1 and objid::bigint = $2
   and database = (select oid from pg_database where datname = current_database())`

/**
 * The right to be the one active instance of a database: an advisory lock on a connection of its own
 * (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS).
 *
 * PostgreSQL frees it the moment the session ends, so nothing stale can be left behind: no pid file, no lease to
 * wait for. When the connection is lost, the lock is taken again on a new one; only when somebody else has it by then
 * is the lease lost. In between the old and a new instance could both be active for a moment: the owner key in Redis
 * stops the old one at its next step.
 *
 * A process that is frozen keeps its connections, and with them the lock. Since the active one asks every few seconds
 * whether it still holds it, the server knows when it was last heard of, and a standby ends a session that has been
 * silent for long.
 */
export class Lease {
  readonly #databaseUrl: string
  readonly #health: Health
  readonly #lost = new AbortController()
  readonly #look = new Wake()
  readonly #looked = new Wake()
  #session: Session
  #looks = 0
  #confirmed = 0

  private constructor(databaseUrl: string, health: Health, session: Session) {
    this.#databaseUrl = databaseUrl
    this.#health = health
    this.#session = session
  }

  /** Waits, as a standby, until this instance is the active one; undefined when the signal aborts first. */
  static async acquire(databaseUrl: string, health: Health, signal: AbortSignal): Promise<Lease | undefined> {
    const backoff = new Backoff({ capMs: 5_000 })
    let session: Session | undefined
    let active = new SilentHolder()
    while (!signal.aborted) {
      try {
        session ??= await Session.open(databaseUrl)
        if (await session.tryLock()) {
          health.ok('lease', 'this instance is the active one')
          return new Lease(databaseUrl, health, session)
        }
        health.waiting('lease', 'another instance is active on this database; this one waits to take over')
        if (await active.hasFrozen(session)) {
          health.failing('lease', 'the active instance has been silent for 20 s: its session is ended')
        }
        backoff.reset()
        await pause(TRY_MS, signal)
      } catch (error) {
        const tls = await databaseTlsTrouble(databaseUrl, error)
        const todo = tls?.todo ?? 'check that PostgreSQL runs and NEMO_MQTT_DATABASE_URL is right'
        health.failing('lease', `waiting for PostgreSQL: ${tls?.why ?? reasonOf(error)}`, todo)
        session?.discard()
        session = undefined
        active = new SilentHolder() // when the server hangs, the active one cannot be heard either
        await pause(backoff.next(), signal)
      }
    }
    session?.discard()
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
    // One for each session: each of them leaves something at a signal that lives on (Node.js 20: 100 bytes).
    let either = AbortSignal.any([signal, this.#session.ended])
    while (!signal.aborted && !this.#lost.signal.aborted) {
      try {
        if (!isConnected) {
          const before = this.#session
          this.#session = await Session.open(this.#databaseUrl)
          either = AbortSignal.any([signal, this.#session.ended])
          isConnected = true
          await this.#session.replace(before)
        }
        this.#looks += 1
        if (!(await this.#session.holds()) && !(await this.#session.tryLock())) {
          this.#health.waiting('lease', 'another instance has become the active one')
          this.#lost.abort()
          this.#looked.notify()
          return
        }
        this.#health.ok('lease', 'this instance is the active one')
        this.#confirmed = this.#looks
        this.#looked.notify()
        backoff.reset()
        await this.#look.wait(CHECK_MS, either)
        if (this.#session.ended.aborted) throw new Error('the server closed the connection')
      } catch (error) {
        this.#session.discard()
        const tls = await databaseTlsTrouble(this.#databaseUrl, error)
        const why = `the connection that holds the lock was lost: ${tls?.why ?? reasonOf(error)}`
        this.#health.failing('lease', why, tls?.todo)
        isConnected = false
        await pause(backoff.next(), signal)
      }
    }
  }

  /**
   * Waits until PostgreSQL has said, later than this call, that the lock is ours; also ends when it is lost or the
   * signal aborts. Whoever was just stopped by Redis asks here before it claims the queue again: it may be stopped
   * because another instance is the active one.
   */
  async confirm(signal: AbortSignal): Promise<void> {
    const wanted = this.#looks + 1
    while (this.#confirmed < wanted && !signal.aborted && !this.#lost.signal.aborted) {
      this.#look.notify()
      await this.#looked.wait(1_000, signal)
    }
  }

  /** Frees the lock, so that a standby takes over at once. */
  release(): void {
    this.#session.discard()
  }
}

/** One connection that may hold the lock. */
class Session {
  /** Aborts when the connection has ended. */
  readonly ended: AbortSignal
  readonly #client: pg.Client
  #isPooled = false
  /** The session on the server that has the lock, once it has it. */
  #locked: SessionId | undefined

  private constructor(client: pg.Client) {
    const ended = new AbortController()
    this.#client = client
    this.ended = ended.signal
    client.on('error', () => undefined) // the next query says it; without a listener Node would end the process
    client.once('end', () => ended.abort())
  }

  static async open(databaseUrl: string): Promise<Session> {
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'nemo-mqtt lease',
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
    })
    const session = new Session(client)
    try {
      await client.connect()
      // When our machine vanishes without a word, the server must free the lock soon, not after hours. Not as a
      // start-up option of the connection: PgBouncer refuses those.
      await client.query('set tcp_keepalives_idle = 4; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 2')
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      session.#isPooled = rows[0]?.pid !== backendPid(client)
      return session
    } catch (error) {
      session.discard()
      throw error
    }
  }

  /**
   * Takes the lock if nobody has it. Behind a pooler every transaction may run in another session, and a lock of a
   * session would stay with whichever it was: there the lock is that of a transaction, which stays open and idle.
   */
  async tryLock(): Promise<boolean> {
    if (this.#isPooled) await this.#client.query('begin; set local idle_in_transaction_session_timeout = 0')
    const lock = this.#isPooled ? 'pg_try_advisory_xact_lock' : 'pg_try_advisory_lock'
    if (await this.#ask(`select ${lock}($1, $2) as yes`)) {
      const { rows } = await this.#client.query<SessionId>(
        'select pid, backend_start::text as began from pg_stat_activity where pid = pg_backend_pid()',
      )
      this.#locked = rows[0]
      return true
    }
    if (this.#isPooled) await this.#client.query('rollback')
    return false
  }

  /**
   * Ends the session on the server that a connection of ours, lost meanwhile, had the lock in. When a network hangs
   * the server does not see that we gave the connection up, and our own lock would keep us out.
   */
  async replace(before: Session): Promise<void> {
    if (before.#locked === undefined) return
    const { pid, began } = before.#locked
    for (let tries = 0; tries < 20; tries += 1) {
      const { rowCount } = await this.#client.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start::text = $2',
        [pid, began],
      )
      if (rowCount === 0) return
      await pause(50, this.ended)
    }
  }

  async holds(): Promise<boolean> {
    return await this.#ask(`select exists (select from pg_locks where ${HELD_BY} and pid = pg_backend_pid()) as yes`)
  }

  /** Who holds the lock and when it was last heard of; undefined when that cannot be seen. */
  async holder(): Promise<Holder | undefined> {
    const { rows } = await this.#client.query<Holder>(
      `select pid, query_start::text as heard from pg_stat_activity
        where query_start is not null and pid in (select pid from pg_locks where ${HELD_BY})`,
      [...LOCK],
    )
    return rows[0]
  }

  /** Ends the session of a holder that has not been heard of since. */
  async endSessionOf({ pid, heard }: Holder): Promise<void> {
    await this.#client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and query_start::text = $2',
      [pid, heard],
    )
  }

  /** Gives the connection up. `end` waits for an answer that a dead link never gives. */
  discard(): void {
    this.#client.end().catch(() => undefined)
  }

  async #ask(question: string): Promise<boolean> {
    const { rows } = await this.#client.query<{ yes: boolean }>(question, [...LOCK])
    return rows[0]?.yes === true
  }
}

interface SessionId {
  readonly pid: number
  readonly began: string
}

interface Holder {
  readonly pid: number
  readonly heard: string
}

/** Counts how often the same holder was found without having said anything in between. */
class SilentHolder {
  #last: Holder | undefined
  #tries = 0

  /** Looks once; ends the session of a holder that has frozen, and says so. */
  async hasFrozen(session: Session): Promise<boolean> {
    const holder = await session.holder()
    const isSame = holder !== undefined && holder.pid === this.#last?.pid && holder.heard === this.#last.heard
    this.#tries = isSame ? this.#tries + 1 : 0
    this.#last = holder
    if (holder === undefined || this.#tries < FROZEN_TRIES) return false
    this.#tries = 0
    await session.endSessionOf(holder)
    return true
  }
}
