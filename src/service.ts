import type { Pool } from 'pg'
import { Archive } from './archive/archive.ts'
import { Backoff, pause } from './backoff.ts'
import { ChangeLog } from './capture/change-log.ts'
import { Listener } from './capture/listener.ts'
import { NameLookup } from './capture/lookup.ts'
import { Notifications } from './capture/notifications.ts'
import { PendingChanges } from './capture/pending.ts'
import type { LiveSettings } from './config/live.ts'
import type { Source } from './config/resolve.ts'
import { ConfigurationWatch } from './config/watch.ts'
import { readDepth } from './db/depth.ts'
import { DriftWatch } from './db/drift-watch.ts'
import { type Installation, readInstallation } from './db/installation.ts'
import { Lease } from './db/lease.ts'
import { createPool } from './db/pool.ts'
import { AppError, type ErrorCode } from './errors.ts'
import { Health, STAGES, type Stage } from './health.ts'
import { Metrics } from './http/metrics.ts'
import type { Observed, Readiness } from './http/observed.ts'
import { healthRoutes, serve } from './http/server.ts'
import { Liveness } from './liveness.ts'
import type { Log } from './log.ts'
import { Bridge, OWNED_MS } from './publish/bridge.ts'
import { Broker } from './publish/broker.ts'
import { Pulse } from './pulse.ts'
import { EventQueue } from './queue/event-queue.ts'
import { inspectQueue } from './queue/inspect.ts'
import { reconcile } from './queue/reconcile.ts'
import { tellSystemd } from './systemd.ts'
import { Traffic } from './traffic.ts'
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
/** Whoever asks for the state waits so long for PostgreSQL and Redis, in milliseconds. */
const ANSWER_MS = 2_000
/** How often `online` is said again, in milliseconds: the will of an instance that vanished may come after ours. */
const ONLINE_MS = 15_000

/** Trouble after which the queue is claimed again; any other error is a fault of ours and ends the service. */
const STAGE_IN_TROUBLE: Partial<Record<ErrorCode, Stage>> = {
  NEMO_MQTT_ERR_REDIS: 'redis',
  NEMO_MQTT_ERR_REDIS_TAKEN: 'redis',
  NEMO_MQTT_ERR_DATABASE: 'database',
}

/** What the service is made with. */
export interface ServiceParts {
  /** The settings of the machine, until the rest is read. */
  readonly live: LiveSettings
  /** The settings of the environment, which win over those that are stored. */
  readonly environment: Source
  readonly log: Log
  /** Values that must not be shown. */
  readonly secrets: () => readonly string[]
}

/** What every stage tells how it is. */
interface Vitals {
  readonly log: Log
  readonly health: Health
  readonly traffic: Traffic
  readonly pulse: Pulse
  readonly liveness: Liveness
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
  readonly #vitals: Vitals
  #bridge: Bridge | undefined

  constructor({ live, environment, log, secrets }: ServiceParts) {
    this.#live = live
    this.#environment = environment
    const traffic = new Traffic()
    const pulse = new Pulse()
    traffic.on('delivered', ({ entry }) => pulse.delivered(entry))
    this.#vitals = { log, health: new Health(log, secrets), traffic, pulse, liveness: new Liveness() }
  }

  /** Whether messages flow, and why not. */
  readiness(): Readiness {
    const { pulse, health } = this.#vitals
    const lease = health.of('lease')
    const role =
      this.#bridge !== undefined || lease.state === 'ok' ? 'active' : lease.state === 'waiting' ? 'standby' : 'starting'
    if (role === 'active' && pulse.isFresh && this.#live.paused === undefined) return { isReady: true, role, why: '' }
    const trouble = STAGES.find((stage) => stage !== 'http' && health.of(stage).state !== 'ok')
    const why =
      trouble === undefined
        ? 'no message of ours has come through lately'
        : `${trouble}: ${health.of(trouble).why || 'starting'}`
    return { isReady: false, role, why: this.#live.paused ?? why }
  }

  /**
   * Runs until the signal aborts.
   *
   * @throws AppError NEMO_MQTT_ERR_BROKER when the settings say that a lost broker ends the service,
   *   NEMO_MQTT_ERR_CONFIG when nothing is stored and the environment alone cannot be used
   */
  async run(signal: AbortSignal): Promise<void> {
    const { health, traffic, log } = this.#vitals
    const { database_url, http_port } = this.#live.current
    const pool = createPool(database_url, (error) => health.failing('database', error))
    const observed = this.#observed(pool)
    const ended = new AbortController()
    const watching = AbortSignal.any([signal, ended.signal])
    // It ends after the stages: the last messages are delivered while they end.
    const archiving = new Archive({ traffic, live: this.#live, log }).run(ended.signal)
    const watchers = [
      serve(healthRoutes(observed, new Metrics(observed, traffic)), http_port, observed, watching),
      tellSystemd({ readiness: observed.readiness, stuck: observed.stuck, log }, process.env, watching),
    ]
    try {
      while (!signal.aborted) {
        const lease = await Lease.acquire(database_url, health, signal)
        if (lease !== undefined) await this.#active(lease, pool, signal)
      }
    } finally {
      ended.abort()
      await Promise.all([...watchers, archiving])
      await pool.end()
    }
  }

  #observed(pool: Pool): Observed {
    const { health, pulse, liveness } = this.#vitals
    return {
      health,
      pulse,
      readiness: () => this.readiness(),
      stuck: () => liveness.stuck(),
      changeLog: () => answerOf(readDepth(pool)),
      queue: () => answerOf(inspectQueue(this.#live.current.redis_url)),
      inFlight: () => this.#bridge?.inFlight,
    }
  }

  async #active(lease: Lease, pool: Pool, stop: AbortSignal): Promise<void> {
    const failed = new AbortController()
    const signal = AbortSignal.any([stop, lease.lost, failed.signal])
    const { health, traffic } = this.#vitals
    const live = this.#live
    const changed = new Wake()
    const reconfigured = new Wake()
    const broker = new Broker(live, health, () => {
      traffic.counts.links += 1
    })
    const configuration = { pool, environment: this.#environment, live, health, wake: reconfigured }
    const stages = [
      lease.watch(signal),
      new ConfigurationWatch(configuration).run(signal), // before the others: it holds them back until it has read
      broker.run(signal),
      this.#sayOnline(broker, signal),
      new Notifications(live.current.database_url, pool, { changed, reconfigured }, health).run(signal),
      new DriftWatch(pool, health).run(signal),
      this.#claims(lease, pool, broker, changed, signal),
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

  async #claims(lease: Lease, pool: Pool, broker: Broker, wake: Wake, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ capMs: 5_000 })
    const takeOver = new TakeOver()
    while (!signal.aborted) {
      await lease.confirm(signal)
      const installation = await readInstallation(pool, this.#vitals.health, signal)
      if (installation === undefined) return
      const since = performance.now()
      try {
        await this.#claim(installation, pool, broker, wake, takeOver, signal)
      } catch (error) {
        const stage = error instanceof AppError ? STAGE_IN_TROUBLE[error.code] : undefined
        if (stage === undefined) throw error
        this.#vitals.health.failing(stage, error)
        if (performance.now() - since > 10_000) backoff.reset()
        await pause(backoff.next(), signal)
      }
    }
  }

  async #claim(
    installation: Installation,
    pool: Pool,
    broker: Broker,
    wake: Wake,
    takeOver: TakeOver,
    signal: AbortSignal,
  ): Promise<void> {
    const { health, log, pulse, traffic } = this.#vitals
    const live = this.#live
    const queue = await EventQueue.claim(live.current.redis_url, installation.id)
    takeOver.begin()
    pulse.reset()
    traffic.counts.claims += 1
    const pending = new PendingChanges()
    const changeLog = new ChangeLog(pool)
    const pushed = new Wake()
    const bridge = new Bridge({ ...this.#vitals, queue, broker, pending, wake: pushed })
    this.#bridge = bridge
    const lookup = new NameLookup(pool, installation.nemoSchema, {
      nameFormat: () => live.current.user_name_format,
      onProblem: (problem) => log.warn(problem),
    })
    const listener = new Listener({
      ...this.#vitals,
      changeLog,
      lookup,
      queue,
      pending,
      wake,
      pushed,
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

/** What somebody answers who may be away: undefined then, and soon. The stages say why. */
async function answerOf<T>(asked: Promise<T>): Promise<T | undefined> {
  const answer = asked.catch(() => undefined)
  return await Promise.race([
    answer,
    new Promise<undefined>((resolve) => setTimeout(resolve, ANSWER_MS, undefined).unref()),
  ])
}

/** Resolves `ms` milliseconds after the signal aborted. */
async function laterThan(signal: AbortSignal, ms: number): Promise<undefined> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  await new Promise((resolve) => setTimeout(resolve, ms).unref())
  return undefined
}
