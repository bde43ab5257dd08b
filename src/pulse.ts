import type { Entry } from './queue/entry.ts'

/** How often a pulse is sent, in milliseconds. */
const EVERY_MS = 4_000
/** A pulse that has not come through for so long is given up: somebody may have taken it from the list. */
const GIVE_UP_MS = 60_000
/** Messages flow as long as a pulse that is not older than this has come through, in milliseconds. */
export const FRESH_MS = 11_000

/**
 * A message of our own that takes the whole way of an event, every few seconds: made after the change log was read,
 * pushed to Redis, taken, signed, published and acknowledged. As long as it comes through, everything does; whatever
 * stands still, it stands still too. An open socket proves nothing of that kind.
 *
 * One at a time is under way, so that a broker that is away finds one when it comes back, and not an hour of them.
 */
export class Pulse {
  readonly #now: () => number
  #sequence = 0
  #sentAt = Number.NEGATIVE_INFINITY
  #underWay: string | undefined
  #throughAt = Number.NEGATIVE_INFINITY

  /** @param now milliseconds of a clock that is never set back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Milliseconds since the moment at which the last pulse that came through was made; infinite without one. */
  get ageMs(): number {
    return this.#now() - this.#throughAt
  }

  /** Whether messages flow. */
  get isFresh(): boolean {
    return this.ageMs <= FRESH_MS
  }

  /** The claim on the queue is new: what was under way may be gone. */
  reset(): void {
    this.#underWay = undefined
    this.#sentAt = Number.NEGATIVE_INFINITY
  }

  /**
   * The pulse to be pushed now, if one is due.
   *
   * @param body what its payload says beside its number
   */
  due(topicPrefix: string, body: () => object): Entry | undefined {
    const waited = this.#now() - this.#sentAt
    if (waited < EVERY_MS || (this.#underWay !== undefined && waited < GIVE_UP_MS)) return undefined
    this.#sequence += 1
    this.#sentAt = this.#now()
    const topic = `${topicPrefix}/bridge/health`
    this.#underWay = JSON.stringify({ ...body(), pulse: this.#sequence })
    return { topic, payload: this.#underWay, retain: true, entity: topic, origin: null, queuedAt: null }
  }

  /** A message was delivered; if it is the pulse, everything works. */
  delivered(entry: Entry): void {
    if (entry.payload !== this.#underWay) return
    this.#underWay = undefined
    this.#throughAt = this.#sentAt
  }
}
