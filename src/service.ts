import type { Pool } from 'pg'
import { Archive } from './archive/archive.ts'
import { findChange } from './archive/one-change.ts'
import { pause } from './backoff.ts'
import { Notifications } from './capture/notifications.ts'
import { Claims } from './claims.ts'
import { originOf, readStored } from './config/in-force.ts'
import type { LiveSettings } from './config/live.ts'
import type { Source } from './config/resolve.ts'
import { ConfigurationWatch } from './config/watch.ts'
import { readDepth } from './db/depth.ts'
import { Lease } from './db/lease.ts'
import { createPool } from './db/pool.ts'
import { DriftWatch } from './drift-watch.ts'
import { Health, STAGES } from './health.ts'
import { createApp } from './http/app.ts'
import { configurationRoutes } from './http/configuration-routes.ts'
import { Metrics } from './http/metrics.ts'
import { monitorRoutes } from './http/monitor-routes.ts'
import type { Observed, Readiness } from './http/observed.ts'
import { parkedRoutes } from './http/parked-routes.ts'
import { schemaRoutes } from './http/schema-routes.ts'
import { serve } from './http/server.ts'
import { toolsRoutes } from './http/tools-routes.ts'
import { Liveness } from './liveness.ts'
import type { Log } from './log.ts'
import type { NameFormat } from './map/person.ts'
import { Monitor } from './monitor/monitor.ts'
import { Broker } from './publish/broker.ts'
import { CertificateWatch } from './publish/certificate-watch.ts'
import { Pulse } from './pulse.ts'
import { inspectQueue } from './queue/inspect.ts'
import { KEYS } from './queue/keys.ts'
import { visitRedis } from './queue/visit.ts'
import { Retention } from './retain/retention.ts'
import { storedNameFormat } from './state/name-format.ts'
import { StateWatch } from './state/state-watch.ts'
import { tellSystemd } from './systemd.ts'
import { Traffic } from './traffic.ts'
import type { Vitals } from './vitals.ts'
import { Wake } from './wake.ts'

/** After this time the stages that have not ended are left behind, so that the broker can still be told. */
const ORDERLY_MS = 2_500
/** Whoever asks for the state waits so long for PostgreSQL and Redis, in milliseconds. */
const ANSWER_MS = 2_000
/** How often `online` is said again, in milliseconds: the will of an instance that vanished may come after ours. */
const ONLINE_MS = 15_000

/** What the service is made with. */
export interface ServiceParts {
  /** The settings of the machine, until the rest is read. */
  readonly live: LiveSettings
  /** The settings of the environment, which win over those that are stored. */
  readonly environment: Source
  /** The environment itself, for the checks. */
  readonly variables: NodeJS.ProcessEnv
  readonly log: Log
  /** Values that must not be shown. */
  readonly secrets: () => readonly string[]
}

/** What one term as the active instance is given. */
interface Term {
  readonly lease: Lease
  readonly pool: Pool
  readonly configuration: ConfigurationWatch
  readonly states: StateWatch
  /** Notified when a stored configuration has changed. */
  readonly reconfigured: Wake
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
  readonly #variables: NodeJS.ProcessEnv
  readonly #secrets: () => readonly string[]
  readonly #vitals: Vitals
  /** Those of the present term; undefined on a standby. */
  #claims: Claims | undefined

  constructor({ live, environment, variables, log, secrets }: ServiceParts) {
    this.#live = live
    this.#environment = environment
    this.#variables = variables
    this.#secrets = secrets
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
      this.#claims !== undefined || lease.state === 'ok' ? 'active' : lease.state === 'waiting' ? 'standby' : 'starting'
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
    const settings = this.#live.current
    const { database_url } = settings
    const pool = createPool(database_url, (error) => health.failing('database', error))
    const reconfigured = new Wake()
    // One for the whole life: what was good before the lease was lost is so after it.
    const configuration = new ConfigurationWatch({
      pool,
      environment: this.#environment,
      live: this.#live,
      health,
      log,
      wake: reconfigured,
    })
    const observed = this.#observed(pool)
    // Of their own: a look at NEMO's tables that hangs must not hold up messages.
    const statesPool = createPool(database_url, () => undefined, 1)
    const states = new StateWatch({ pool: statesPool, nameFormat: () => this.#nameFormat(statesPool), traffic, log })
    const ended = new AbortController()
    const watching = AbortSignal.any([signal, ended.signal])
    const monitor = this.#monitor(pool, observed)
    const watchers = [
      serve(
        createApp({
          settings,
          observed,
          metrics: new Metrics(observed, traffic),
          log,
          routes: (streams) => [
            ['/mqtt/api/monitor', monitorRoutes(monitor, streams)],
            ['/mqtt/api/tools', toolsRoutes(states, streams)],
            ['/mqtt/api/configuration', configurationRoutes({ settings, environment: this.#environment, observed })],
            ['/mqtt/api/parked', parkedRoutes({ settings })],
            ['/schemas/', schemaRoutes(() => this.#live.current.topic_prefix)],
          ],
        }),
        settings,
        health,
        watching,
      ),
      states.run(watching),
      monitor.run(watching),
      tellSystemd({ readiness: observed.readiness, stuck: observed.stuck, log }, process.env, watching),
    ]
    // It ends after the stages: the last messages are delivered while they end.
    const archiving = new Archive({ traffic, live: this.#live, log }).run(ended.signal)
    try {
      while (!signal.aborted) {
        const lease = await Lease.acquire(database_url, health, signal)
        if (lease !== undefined) await this.#active({ lease, pool, configuration, states, reconfigured }, signal)
      }
    } finally {
      ended.abort()
      await Promise.all([...watchers, archiving])
      await Promise.all([pool.end(), statesPool.end()])
    }
  }

  // A standby has no settings in force but those of the machine.
  async #nameFormat(pool: Pool): Promise<NameFormat> {
    const { current, paused } = this.#live
    const isInForce = this.#claims !== undefined && paused === undefined
    return isInForce ? current.user_name_format : await storedNameFormat(pool, this.#environment)
  }

  #monitor(pool: Pool, observed: Observed): Monitor {
    const live = this.#live
    const configuration = (): Promise<string | undefined> => answerOf(readStored(pool).then(originOf))
    return new Monitor({
      traffic: this.#vitals.traffic,
      live,
      ask: { ...observed, configuration },
      secrets: this.#secrets,
      variables: this.#variables,
      delivered: () => visitRedis(live.current, (redis) => redis.lrange(KEYS.monitor, 0, -1)),
      findChange: (id) => answerOf(findChange(pool, id)),
    })
  }

  #observed(pool: Pool): Observed {
    const { health, pulse, liveness } = this.#vitals
    return {
      health,
      pulse,
      readiness: () => this.readiness(),
      stuck: () => liveness.stuck(),
      changeLog: () => answerOf(readDepth(pool)),
      queue: () => answerOf(inspectQueue(this.#live.current)),
      inFlight: () => this.#claims?.inFlight,
    }
  }

  async #active({ lease, pool, configuration, states, reconfigured }: Term, stop: AbortSignal): Promise<void> {
    const failed = new AbortController()
    const signal = AbortSignal.any([stop, lease.lost, failed.signal])
    const { health, log, traffic } = this.#vitals
    const live = this.#live
    const changed = new Wake()
    const broker = new Broker(live, health, () => {
      traffic.counts.links += 1
    })
    const onReload = (): void => configuration.reread(() => broker.relink())
    const claims = new Claims({ ...this.#vitals, live, lease, pool, broker, changed, onReload })
    this.#claims = claims
    const stages = [
      lease.watch(signal),
      configuration.run(signal), // before the others: it holds them back until it has read
      broker.run(signal),
      this.#sayOnline(broker, signal),
      new CertificateWatch({ live, broker, log }).run(signal),
      new Notifications(live.current.database_url, pool, { changed, reconfigured }, health).run(signal),
      new DriftWatch(pool, health, live).run(signal),
      claims.run(signal),
      new Retention({ ...this.#vitals, states, broker, pool, live, confirm: (until) => lease.confirm(until) }).run(
        signal,
      ),
    ]
    const unsubscribe = live.subscribe(() => changed.notify()) // what was held back, or was lacking room, may go on
    // The first stage that fails ends the others; what it threw is thrown here once all have ended.
    for (const stage of stages) stage.catch(() => failed.abort())
    try {
      const ends = (await Promise.race([Promise.allSettled(stages), laterThan(stop, ORDERLY_MS)])) ?? []
      const failure = ends.find((end) => end.status === 'rejected')
      if (failure !== undefined) throw failure.reason
    } finally {
      unsubscribe()
      this.#claims = undefined
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
