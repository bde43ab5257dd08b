import { randomBytes } from 'node:crypto'
import type { Pool } from 'pg'
import pgListen, { type Subscriber } from 'pg-listen'
import { Backoff, pause } from '../backoff.ts'
import { databaseTlsTrouble } from '../db/tls-trouble.ts'
import type { Health } from '../health.ts'
import { Wake } from '../wake.ts'

/** The channel on which the capture function notifies, with an empty payload. */
export const CHANNEL = 'nemo_mqtt'
/** The channel on which our own tables say that a configuration has changed. */
const CONFIGURATION_CHANNEL = 'nemo_mqtt_configuration'

/** How often the session must hear from itself, and how long that may take, in milliseconds. */
const HEARTBEAT_MS = 4_000
const ECHO_MS = 4_000

// Under NodeNext the types of pg-listen, which is CommonJS, put the function one level deeper than Node does.
const createSubscriber = pgListen.default

type Session = Subscriber<Record<string, string>>

/** Whom a notification wakes. */
export interface Wakes {
  /** NEMO's tables have changed. */
  readonly changed: Wake
  /** A stored configuration has changed. */
  readonly reconfigured: Wake
}

/**
 * Listens for NOTIFY and wakes the listener.
 *
 * A notification is only a hint: the change lies in the log, and the listener looks there at intervals anyway. So
 * losing one costs time, never a change. What must not happen is to stay deaf without knowing it: a half-open socket
 * raises no error, and behind a transaction pooler LISTEN succeeds and nothing ever arrives. Therefore we notify
 * ourselves through the server and expect the session to hear it; one that does not is replaced. The notification is
 * sent on another connection: on its own a session behind a pooler hears itself by chance.
 */
export class Notifications {
  readonly #databaseUrl: string
  readonly #pool: Pool
  readonly #wakes: Wakes
  readonly #health: Health

  constructor(databaseUrl: string, pool: Pool, wakes: Wakes, health: Health) {
    this.#databaseUrl = databaseUrl
    this.#pool = pool
    this.#wakes = wakes
    this.#health = health
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ capMs: 5_000 })
    while (!signal.aborted) {
      try {
        await this.#session(signal, () => backoff.reset())
      } catch (error) {
        const tls = await databaseTlsTrouble(this.#databaseUrl, error)
        const todo = `changes are found by looking at intervals until this is mended${tls === undefined ? '' : `: ${tls.todo}`}`
        this.#health.failing('notifications', tls?.why ?? error, todo)
        await pause(backoff.next(), signal)
      }
    }
  }

  async #session(signal: AbortSignal, onHeard: () => void): Promise<void> {
    const session: Session = createSubscriber(
      {
        connectionString: this.#databaseUrl,
        application_name: 'nemo-mqtt listen',
        connectionTimeoutMillis: ECHO_MS,
        query_timeout: ECHO_MS,
      },
      // One session, one connection: we make the next session ourselves, with a first LISTEN before the first drain.
      { retryTimeout: 1, retryLimit: 1, paranoidChecking: false, parse: (text) => text, serialize: String },
    )
    const lost = new AbortController()
    session.events.on('error', () => lost.abort())
    // Not Promise.race with a promise that is rejected: each race would stay in memory as long as the session lives.
    const either = AbortSignal.any([signal, lost.signal])
    try {
      await session.connect()
      session.notifications.on(CHANNEL, () => this.#wakes.changed.notify())
      session.notifications.on(CONFIGURATION_CHANNEL, () => this.#wakes.reconfigured.notify())
      await session.listenTo(CHANNEL)
      await session.listenTo(CONFIGURATION_CHANNEL)
      const echo = new Wake()
      const own = `${CHANNEL}_echo_${randomBytes(6).toString('hex')}`
      let heard = 0
      session.notifications.on(own, () => {
        heard += 1
        echo.notify()
      })
      await session.listenTo(own)
      for (const wake of Object.values(this.#wakes) as Wake[]) wake.notify() // what was committed before LISTEN took effect
      for (let sent = 1; !signal.aborted; sent += 1) {
        this.#pool.query('select pg_notify($1, $2)', [own, String(sent)]).catch(() => undefined) // then nothing is heard
        const deadline = performance.now() + ECHO_MS
        for (let left = ECHO_MS; heard < sent && left > 0 && !either.aborted; left = deadline - performance.now()) {
          await echo.wait(left, either)
        }
        if (signal.aborted) return
        if (lost.signal.aborted) throw new Error('the LISTEN session was lost')
        if (heard < sent) throw new Error(DEAF)
        onHeard()
        this.#health.ok('notifications', 'PostgreSQL notifies us of changes')
        await pause(HEARTBEAT_MS, either)
      }
    } finally {
      close(session)
    }
  }
}

const DEAF =
  'LISTEN was accepted, but our own NOTIFY does not arrive: either the link is dead, or NEMO_MQTT_DATABASE_URL ' +
  'points at a pooler in transaction mode (PgBouncer): give the address of PostgreSQL itself'

// On a dead socket close() never settles; the session is left behind either way.
function close(session: Session): void {
  session.events.removeAllListeners('error')
  session.events.on('error', () => undefined)
  Promise.resolve(session.close()).catch(() => undefined)
}
