import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { STAGES } from '../health.ts'
import type { Traffic } from '../traffic.ts'
import { version } from '../version.ts'
import type { Observed } from './observed.ts'

/** Bounds of the two histograms, in seconds. */
const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 300]

/**
 * The metrics, in the text format of Prometheus. Names and labels are frozen by a test: dashboards depend on them. No
 * label holds an id, a topic or a name, so the number of series is bounded by the stages and kinds of events.
 *
 * What can be asked at the moment of the scrape is asked then; where that fails the series is missing, because an old
 * number would be a lie.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #queueToBroker: Histogram
  readonly #clock: () => number

  /** @param clock seconds since 1970 */
  constructor(observed: Observed, traffic: Traffic, clock: () => number = () => Date.now() / 1_000) {
    this.#clock = clock
    this.#static()
    this.#flow(observed)
    this.#depths(observed)
    this.#counts(traffic)
    this.#queueToBroker = new Histogram({
      name: 'nemo_mqtt_delivery_seconds',
      help: 'Time from the Redis list to the acknowledgement of the broker',
      buckets: SECONDS,
      registers: [this.#registry],
    })
    traffic.on('delivered', ({ entry }) => {
      if (entry.queuedAt !== null) this.#queueToBroker.observe(Math.max(0, this.#clock() - entry.queuedAt))
    })
  }

  /** All of it, as Prometheus reads it. */
  async text(): Promise<{ text: string; contentType: string }> {
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType }
  }

  #gauge(name: string, help: string, read: () => number | undefined | Promise<number | undefined>): void {
    new Gauge({
      name: `nemo_mqtt_${name}`,
      help,
      registers: [this.#registry],
      async collect() {
        const value = await read()
        if (value === undefined) this.remove()
        else this.set(value)
      },
    })
  }

  #counter(name: string, help: string, read: () => number): void {
    new Counter({
      name: `nemo_mqtt_${name}_total`,
      help,
      registers: [this.#registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }

  #static(): void {
    const registers = [this.#registry]
    new Gauge({ name: 'nemo_mqtt_info', help: 'The version', labelNames: ['version'], registers }).set(
      { version: version() },
      1,
    )
    const startedAt = Date.now() / 1_000 - process.uptime()
    this.#gauge('start_time_seconds', 'When the process started, in seconds since 1970', () => startedAt)
    this.#gauge('resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss())
    this.#counter('cpu_seconds', 'Processor time of the process', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
  }

  #flow({ readiness, pulse, health }: Observed): void {
    this.#gauge('ready', '1 while messages flow', () => (readiness().isReady ? 1 : 0))
    this.#gauge('active', '1 on the active instance, 0 on a standby', () => (readiness().role === 'active' ? 1 : 0))
    this.#gauge('pulse_age_seconds', 'Age of the last message of our own that took the whole way', () =>
      Number.isFinite(pulse.ageMs) ? pulse.ageMs / 1_000 : undefined,
    )
    new Gauge({
      name: 'nemo_mqtt_stage_ok',
      help: '1 while the stage works',
      labelNames: ['stage'],
      registers: [this.#registry],
      collect() {
        for (const stage of STAGES) this.set({ stage }, health.of(stage).state === 'ok' ? 1 : 0)
      },
    })
  }

  #depths({ changeLog, queue, inFlight }: Observed): void {
    const ofLog = shared(changeLog)
    const ofQueue = shared(queue)
    const gauge = this.#gauge.bind(this)
    gauge('changes_waiting', 'Changes that were not delivered, 100,000 at most', async () => (await ofLog())?.depth)
    gauge('oldest_change_seconds', 'Age of the oldest of them', async () => (await ofLog())?.oldestSeconds)
    gauge(
      'changes_unmapped',
      'Changes set aside because no rule understands them',
      async () => (await ofLog())?.unmapped,
    )
    gauge('queue_entries', 'Entries in the Redis list', async () => (await ofQueue())?.queued)
    gauge(
      'parked_messages',
      'Messages set aside because they cannot be published',
      async () => (await ofQueue())?.parked,
    )
    gauge('in_flight_entries', 'Entries taken from the list and not settled', () => inFlight()?.entries)
    gauge('unanswered_messages', 'Messages that the broker has not answered', () => inFlight()?.unanswered)
  }

  #counts({ counts }: Traffic): void {
    const registers = [this.#registry]
    new Counter({
      name: 'nemo_mqtt_events_total',
      help: 'Events that were queued',
      labelNames: ['event'],
      registers,
      collect() {
        this.reset()
        for (const [event, count] of counts.queued) this.inc({ event }, count)
      },
    })
    const counter = this.#counter.bind(this)
    counter('changes_silent', 'Changes that became no message', () => counts.silent)
    counter('events_filtered', 'Events that a filter left out', () => counts.filtered)
    counter('changes_set_aside', 'Changes that no rule understood', () => counts.unmapped)
    counter('messages_delivered', 'Messages that the broker acknowledged', () => counts.delivered)
    counter('messages_unheard', 'Those of them for which the broker had no subscriber', () => counts.unheard)
    counter('messages_repeated', 'Those of them that had to be sent more than once', () => counts.repeated)
    counter('messages_refused', 'Refusals by the broker', () => counts.refused)
    counter('messages_parked', 'Messages set aside', () => counts.parked)
    counter('links', 'Connections to the broker', () => counts.links)
    counter(
      'claims',
      'Claims on the Redis list; each one after the first follows trouble with Redis',
      () => counts.claims,
    )
  }
}

/** One question for the several gauges that come from its answer: they are collected at the same time. */
function shared<T>(ask: () => Promise<T | undefined>): () => Promise<T | undefined> {
  let running: Promise<T | undefined> | undefined
  return () => {
    running ??= ask().finally(() => {
      running = undefined
    })
    return running
  }
}
