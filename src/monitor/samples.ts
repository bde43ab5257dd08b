import type { Traffic } from '../traffic.ts'
import { Latencies } from './latencies.ts'
import type { BoxName, Sample } from './shown.ts'

/** Samples that are kept, one a second: five minutes. */
const KEPT = 300

/** One sample a second of what passed, also while nobody looks: costs a few microseconds. */
export class Samples {
  readonly #counts: Traffic['counts']
  readonly #latencies = new Latencies()
  #samples: Sample[] = []
  /** Changes that were read from the log. */
  #read = 0
  #taken = 0
  #before: Readonly<Record<BoxName, number>>
  #rates: Readonly<Record<BoxName, number>> = { postgres: 0, listener: 0, redis: 0, bridge: 0, broker: 0 }

  constructor(counts: Traffic['counts']) {
    this.#counts = counts
    this.#before = this.#passed()
  }

  /** What passed each box in the last second. */
  get rates(): Readonly<Record<BoxName, number>> {
    return this.#rates
  }

  /** A change was read. */
  read(): void {
    this.#read += 1
  }

  /** An entry was taken. */
  taken(): void {
    this.#taken += 1
  }

  /** A message was acknowledged so many milliseconds after its change. */
  latency(ms: number): void {
    this.#latencies.add(ms)
  }

  /** The newest so many, oldest first. */
  newest(count = KEPT): readonly Sample[] {
    return this.#samples.slice(-count)
  }

  /** To be called once a second; too early it does nothing. @param at seconds since 1970 */
  tick(at: number): void {
    const last = this.#samples.at(-1)?.[0] ?? 0
    if (at === last) return
    if (at < last) this.#samples = [] // the clock was set back: times must grow
    const now = this.#passed()
    const before = this.#before
    this.#before = now
    this.#rates = {
      postgres: now.postgres - before.postgres,
      listener: now.listener - before.listener,
      redis: now.redis - before.redis,
      bridge: now.bridge - before.bridge,
      broker: now.broker - before.broker,
    }
    this.#samples.push([at, this.#rates.broker, this.#latencies.quantile(0.5), this.#latencies.quantile(0.95)])
    if (this.#samples.length > 2 * KEPT) this.#samples = this.#samples.slice(-KEPT)
    this.#latencies.clear()
  }

  #passed(): Record<BoxName, number> {
    const { queued, sent, delivered } = this.#counts
    let events = 0
    for (const count of queued.values()) events += count
    return { postgres: this.#read, listener: events, redis: this.#taken, bridge: sent, broker: delivered }
  }
}
