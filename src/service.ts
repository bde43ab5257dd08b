import type { Pool } from 'pg'
import { Backoff, pause } from './backoff.ts'
import { ChangeLog } from './capture/change-log.ts'
import { Listener } from './capture/listener.ts'
import { NameLookup } from './capture/lookup.ts'
import { Notifications } from './capture/notifications.ts'
import { PendingChanges } from './capture/pending.ts'
import type { LiveSettings } from './config/live.ts'
import type { Source } from './config/resolve.ts'
import { ConfigurationWatch } from './config/watch.ts'
import { DriftWatch } from './db/drift-watch.ts'
import { type Installation, readInstallation } from './db/installation.ts'
import { Lease } from './db/lease.ts'
import { createPool } from './db/pool.ts'
import { AppError, type ErrorCode } from './errors.ts'
import { Health, type Stage } from './health.ts'
import type { Log } from './log.ts'
import { Bridge, OWNED_MS } from './publish/bridge.ts'
import { Broker } from './publish/broker.ts'
import { EventQueue } from './queue/event-queue.ts'
import { reconcile } from './queue/reconcile.ts'
import { Wake } from './wake.ts'

/** Time for outstanding acknowledgements when the service stops, in milliseconds. */
const FINISH_MS = 2_500
/** After this time the stages that have not ended are left behind, so that the broker can still be told. */
const ORDERLY_MS = 3_000
/**
 * Pause before a new active instance sends anything. One that lost the lock and does not know it may go on sending as
 * long as it believes that the queue is its own; if both sent, an old message could follow a newer one.
 */
const TAKE_OVER_MS = OWNED_MS + 300
/** How often `online` is said again, in milliseconds: the will of an instance that vanished may come after ours. */
const ONLINE_MS = 15_000

/** Trouble after which the queue is claimed again; any other error is a fault of ours and ends the service. */
const STAGE_IN_TROUBLE: Partial<Record<ErrorCode, Stage>> = {
  NEMO_MQTT_ERR_REDIS: 'redis',
  NEMO_MQTT_ERR_REDIS_TAKEN: 'redis',
  NEMO_MQTT_ERR_DATABASE: 'database',
}

/**
 * The composition root: the only place that knows every stage.
 *
 * Standby until the lease is held; then the sink first (the broker link), the source last (the listener), and the
 * reverse at the end. Between them runs one claim on the Redis queue after the other: whenever Redis was lost, the
 * next claim begins as the first one did, by comparing what Redis has with what PostgreSQL has.
 */
export class Service {
  readonly #live: LiveSettings
  readonly #environment: Source
  readonly #log: Log
  readonly health: Health

  /**
   * @param live the settings of the machine, until the rest is read
   * @param environment the settings of the environment, which win over those that are stored
   */
  constructor(live: LiveSettings, environment: Source, log: Log) {
    this.#live = live
    this.#environment = environment
    this.#log = log
    this.health = new Health(log)
  }

  /**
   * Runs until the signal aborts.
   *
   * @throws AppError NEMO_MQTT_ERR_BROKER when the settings say that a lost broker ends the service,
   *   NEMO_MQTT_ERR_CONFIG when nothing is stored and the environment alone cannot be used
   */
  async run(signal: AbortSignal): Promise<void> {
    const { database_url } = this.#live.current
    const { health } = this
    const pool = createPool(database_url, (error) => health.failing('database', error))
    const reconfigured = new Wake()
    const parts = { pool, environment: this.#environment, live: this.#live, health, log: this.#log, wake: reconfigured }
    // One for the whole life: what was good before the lease was lost is so after it.
    const configuration = new ConfigurationWatch(parts)
    try {
      while (!signal.aborted) {
        const lease = await Lease.acquire(database_url, health, signal)
        if (lease !== undefined) await this.#active(lease, pool, configuration, reconfigured, signal)
      }
    } finally {
      await pool.end()
    }
  }

  async #active(
    lease: Lease,
    pool: Pool,
    configuration: ConfigurationWatch,
    reconfigured: Wake,
    stop: AbortSignal,
  ): Promise<void> {
    const failed = new AbortController()
    const signal = AbortSignal.any([stop, lease.lost, failed.signal])
    const { health } = this
    const live = this.#live
    const changed = new Wake()
    const broker = new Broker(live, health)
    const onReload = (): void => configuration.reread(() => broker.relink())
    const stages = [
      lease.watch(signal),
      configuration.run(signal), // before the others: it holds them back until it has read
      broker.run(signal),
      this.#sayOnline(broker, signal),
      new Notifications(live.current.database_url, pool, { changed, reconfigured }, health).run(signal),
      new DriftWatch(pool, health).run(signal),
      this.#claims(lease, pool, broker, onReload, changed, signal),
    ]
    // The first stage that fails ends the others; what it threw is thrown here once all have ended.
    for (const stage of stages) stage.catch(() => failed.abort())
    try {
      const ends = (await Promise.race([Promise.allSettled(stages), laterThan(stop, ORDERLY_MS)])) ?? []
      const failure = ends.find((end) => end.status === 'rejected')
      if (failure !== undefined) throw failure.reason
    } finally {
      // Who lost the lease says nothing: the one that has it now has said `online` already.
      if (lease.lost.aborted && !stop.aborted) await broker.link?.close()
      else await broker.close()
      lease.release()
    }
  }

  async #sayOnline(broker: Broker, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(ONLINE_MS, signal)
      if (!signal.aborted) broker.sayOnline()
    }
  }

  async #claims(
    lease: Lease,
    pool: Pool,
    broker: Broker,
    onReload: () => void,
    wake: Wake,
    signal: AbortSignal,
  ): Promise<void> {
    const backoff = new Backoff({ capMs: 5_000 })
    const takeOver = new TakeOver()
    while (!signal.aborted) {
      await lease.confirm(signal)
      const installation = await readInstallation(pool, this.health, signal)
      if (installation === undefined) return
      const since = performance.now()
      try {
        await this.#claim(installation, pool, broker, onReload, wake, takeOver, signal)
      } catch (error) {
        const stage = error instanceof AppError ? STAGE_IN_TROUBLE[error.code] : undefined
        if (stage === undefined) throw error
        this.health.failing(stage, error)
        if (performance.now() - since > 10_000) backoff.reset()
        await pause(backoff.next(), signal)
      }
    }
  }

  async #claim(
    installation: Installation,
    pool: Pool,
    broker: Broker,
    onReload: () => void,
    wake: Wake,
    takeOver: TakeOver,
    signal: AbortSignal,
  ): Promise<void> {
    const { health } = this
    const live = this.#live
    const log = this.#log
    const queue = await EventQueue.claim(live.current.redis_url, installation.id)
    takeOver.begin()
    const pending = new PendingChanges()
    const changeLog = new ChangeLog(pool)
    const pushed = new Wake()
    const bridge = new Bridge({ queue, broker, pending, wake: pushed, health, log, onReload })
    const lookup = new NameLookup(pool, installation.nemoSchema, {
      nameFormat: () => live.current.user_name_format,
      onProblem: (problem) => log.warn(problem),
    })
    const listener = new Listener({
      changeLog,
      lookup,
      queue,
      pending,
      wake,
      pushed,
      health,
      log,
      installation: installation.id,
      live,
    })
    const ended = new AbortController()
    const inner = AbortSignal.any([signal, ended.signal])
    try {
      // First the wait, then the look: the other one may still be deleting what it has delivered.
      await takeOver.isOver(inner)
      const found = await reconcile(queue, changeLog, pending, installation.id)
      health.ok('redis', `the queue is ours: ${found.kept} entries kept, ${found.removed} to be queued again`)
      wake.notify()
      const loops = [this.#bridge(bridge, inner, signal), listener.run(inner), listener.retire(inner)]
      for (const loop of loops) loop.catch(() => ended.abort())
      const ends = await Promise.allSettled(loops)
      const failure = ends.find((end) => end.status === 'rejected')
      if (failure !== undefined) throw failure.reason
      await listener.retireRest()
    } finally {
      ended.abort()
      bridge.abandon()
      queue.close()
    }
  }

  // What is in flight goes back as soon as the bridge has ended: the listener may hang on a dead PostgreSQL meanwhile.
  async #bridge(bridge: Bridge, inner: AbortSignal, signal: AbortSignal): Promise<void> {
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

/** Resolves `ms` milliseconds after the signal aborted. */
async function laterThan(signal: AbortSignal, ms: number): Promise<undefined> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  await new Promise((resolve) => setTimeout(resolve, ms).unref())
  return undefined
}
