/** Between the two clocks of a process so much may lie before the time is set anew, in milliseconds. */
const MOST_APART_MS = 3

/**
 * The time in milliseconds since 1970 with fractions, so that steps of less than a millisecond can be told. It follows
 * the clock of the machine when that is set.
 */
export class Clock {
  #offset = performance.timeOrigin

  /** Now. */
  now(): number {
    return this.#offset + performance.now()
  }

  /** The time of a moment that somebody noted by `performance.now()`. */
  at(moment: number): number {
    return this.#offset + moment
  }

  /** Compares itself with the clock of the machine; to be called now and then. */
  follow(): void {
    const apart = Date.now() - this.now()
    if (Math.abs(apart) > MOST_APART_MS) this.#offset += apart
  }
}
