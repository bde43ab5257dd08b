import type { Pool } from 'pg'
import { Backoff, pause } from './backoff.ts'
import { ChangeLog } from './capture/change-log.ts'
import { Listener } from './capture/listener.ts'
import { NameLookup } from './capture/lookup.ts'
import { PendingChanges } from './capture/pending.ts'
import { choiceOf } from './choose/choice.ts'
import { nameFormatOf } from './choose/names.ts'
import type { LiveSettings } from './config/live.ts'
import { type Installation, readInstallation } from './db/installation.ts'
import type { Lease } from './db/lease.ts'
import { AppError, type ErrorCode } from './errors.ts'
import type { Stage } from './health.ts'
import { Bridge, OWNED_MS } from './publish/bridge.ts'
import type { Broker } from './publish/broker.ts'
import { EventQueue } from './queue/event-queue.ts'
import { reconcile } from './reconcile.ts'
import type { Vitals } from './vitals.ts'
import { Wake } from './wake.ts'

/** Time for outstanding acknowledgements when the service stops, in milliseconds. */
const FINISH_MS = 2_000
/**
 * Pause before a new active instance sends anything. One that lost the lock and does not know it may go on sending as
 * long as it believes that the queue is its own; if both sent, an old message could follow a newer one.
 */
const TAKE_OVER_MS = OWNED_MS + 300
/** Trouble after which the queue is claimed again; any other error is a fault of ours and ends the service. */
const STAGE_IN_TROUBLE: Partial<Record<ErrorCode, Stage>> = {
  NEMO_MQTT_ERR_REDIS: 'redis',
  NEMO_MQTT_ERR_REDIS_TAKEN: 'redis',
  NEMO_MQTT_ERR_DATABASE: 'database',
}

/** What the claims work with. */
export interface ClaimsParts extends Vitals {
  readonly live: LiveSettings
  readonly lease: Lease
  readonly pool: Pool
  readonly broker: Broker
  /** Notified when NEMO's tables have changed. */
  readonly changed: Wake
  /** Called when another program asks, through Redis, for the configuration to be read again. */
  readonly onReload: () => void
}

/**
 * One claim on the Redis queue after the other, as long as this instance is the active one: whenever Redis was lost,
 * the next claim begins as the first one did, by comparing what Redis has with what PostgreSQL has. During a claim the
 * listener fills the queue and the bridge empties it.
 */
export class Claims {
  readonly #parts: ClaimsParts
  readonly #takeOver = new TakeOver()
  #bridge: Bridge | undefined

  constructor(parts: ClaimsParts) {
    this.#parts = parts
  }

  /** What is in flight now; undefined between two claims. */
  get inFlight(): Bridge['inFlight'] | undefined {
    return this.#bridge?.inFlight
  }

  /**
   * Runs until the signal aborts.
   *
   * @throws whatever is a fault of ours and no trouble with Redis or PostgreSQL
   */
  async run(signal: AbortSignal): Promise<void> {
    const { lease, pool, health } = this.#parts
    const backoff = new Backoff({ capMs: 5_000 })
    while (!signal.aborted) {
      await lease.confirm(signal)
      const installation = await readInstallation(pool, health, signal)
      if (installation === undefined) return
      const since = performance.now()
      try {
        await this.#claim(installation, signal)
      } catch (error) {
        const stage = error instanceof AppError ? STAGE_IN_TROUBLE[error.code] : undefined
        if (stage === undefined) throw error
        health.failing(stage, error)
        if (performance.now() - since > 10_000) backoff.reset()
        await pause(backoff.next(), signal)
      }
    }
  }

  async #claim(installation: Installation, signal: AbortSignal): Promise<void> {
    const { live, pool, broker, changed, onReload, log, health, traffic, pulse, liveness } = this.#parts
    const vitals: Vitals = { log, health, traffic, pulse, liveness }
    const queue = await EventQueue.claim(live.current, installation.place)
    this.#takeOver.begin()
    pulse.reset()
    traffic.counts.claims += 1
    const pending = new PendingChanges()
    const changeLog = new ChangeLog(pool)
    const pushed = new Wake()
    const bridge = new Bridge({ ...vitals, queue, broker, pending, wake: pushed, onReload })
    this.#bridge = bridge
    const lookup = new NameLookup(pool, installation.nemoSchema, {
      nameFormat: () => nameFormatOf(live.current),
      withCategories: () => choiceOf(live.current).needsCategories,
      onProblem: (problem) => log.warn(problem),
    })
    const listener = new Listener({
      ...vitals,
      changeLog,
      lookup,
      queue,
      pending,
      wake: changed,
      pushed,
      installation: installation.id,
      live,
    })
    const ended = new AbortController()
    const inner = AbortSignal.any([signal, ended.signal])
    try {
      // First the wait, then the look: the other one may still be deleting what it has delivered.
      await this.#takeOver.isOver(inner)
      const found = await reconcile(queue, changeLog, pending, installation.id)
      health.ok('redis', `the queue is ours: ${found.kept} entries kept, ${found.removed} to be queued again`)
      changed.notify()
      const loops = [this.#publish(bridge, inner, signal), listener.run(inner), listener.retire(inner)]
      for (const loop of loops) loop.catch(() => ended.abort())
      const ends = await Promise.allSettled(loops)
      const failure = ends.find((end) => end.status === 'rejected')
      if (failure !== undefined) throw failure.reason
      await listener.retireRest()
    } finally {
      ended.abort()
      bridge.abandon()
      this.#bridge = undefined
      queue.close()
    }
  }

  // What is in flight goes back as soon as the bridge has ended: the listener may hang on a dead PostgreSQL meanwhile.
  async #publish(bridge: Bridge, inner: AbortSignal, signal: AbortSignal): Promise<void> {
    await bridge.run(inner)
    if (signal.aborted) await bridge.finish(FINISH_MS)
  }
}

/** The time in which a new active instance holds the queue and sends nothing yet. */
class TakeOver {
  #until: number | undefined

  /** The queue was claimed; only the first claim counts, those that follow were ours. */
  begin(): void {
    this.#until ??= performance.now() + TAKE_OVER_MS
  }

  /** Waits until it is over or the signal aborts. */
  async isOver(signal: AbortSignal): Promise<void> {
    const left = (this.#until ?? 0) - performance.now()
    if (left > 0) await pause(left, signal)
  }
}
