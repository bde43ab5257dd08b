/** So long a change must be seen undelivered while both lists are empty, in milliseconds: a push takes 5 s at most. */
const VANISHED_MS = 10_000

/**
 * Notices changes whose entries somebody else took out of the queue. Looks only while nothing is queued and nothing is
 * in flight: what is undelivered then is about to be pushed, or it is gone.
 */
export class Vanished {
  readonly #now: () => number
  #suspects: ReadonlySet<string> = new Set()
  #since = 0

  /** @param now milliseconds of a clock that is never set back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** How many of the undelivered changes have been seen at every look for so long that they must be gone. */
  look(undelivered: readonly string[]): number {
    const still = undelivered.filter((id) => this.#suspects.has(id))
    if (still.length === 0) this.#since = this.#now()
    this.#suspects = new Set(still.length === 0 ? undelivered : still)
    return this.#now() - this.#since > VANISHED_MS ? still.length : 0
  }
}
