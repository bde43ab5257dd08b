/** A loop that has not turned for so long is stuck, in milliseconds: longer than every deadline in it together. */
const STUCK_MS = 60_000

/**
 * Whether the loops of the service turn. An outage of a dependency does not stop them, they try again and again; what
 * does is a fault of ours, such as a promise that never settles, and then only a new start helps.
 */
export class Liveness {
  readonly #now: () => number
  readonly #turnedAt = new Map<string, number>()

  /** @param now milliseconds of a clock that is never set back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** A loop turns once more. */
  turn(loop: string): void {
    this.#turnedAt.set(loop, this.#now())
  }

  /** A loop has ended; it is not expected to turn any more. */
  ended(loop: string): void {
    this.#turnedAt.delete(loop)
  }

  /** The loops that are stuck. */
  stuck(): string[] {
    const now = this.#now()
    return [...this.#turnedAt].filter(([, at]) => now - at > STUCK_MS).map(([loop]) => loop)
  }
}
