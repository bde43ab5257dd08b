/** Each bucket is so much wider than the one before: what is read from it is right to 5 %. */
const GROWTH = 1.1
/** The first bucket ends here, in milliseconds. */
const FIRST_MS = 0.1
/** Enough for more than a day. */
const BUCKETS = 220

/** Counts times in buckets, so that any number of them takes the same little memory. */
export class Latencies {
  readonly #buckets = new Uint32Array(BUCKETS)
  #count = 0

  /** Counts one, in milliseconds; a clock that is behind makes it 0. */
  add(ms: number): void {
    const bucket = ms <= FIRST_MS ? 0 : Math.ceil(Math.log(ms / FIRST_MS) / Math.log(GROWTH))
    const index = Math.min(BUCKETS - 1, bucket)
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1
    this.#count += 1
  }

  /** The time that this share of them did not exceed, in milliseconds; null when there was none. */
  quantile(share: number): number | null {
    if (this.#count === 0) return null
    let left = Math.max(1, Math.ceil(share * this.#count))
    for (let index = 0; index < BUCKETS; index += 1) {
      left -= this.#buckets[index] ?? 0
      if (left <= 0) return rounded(FIRST_MS * GROWTH ** index)
    }
    return null
  }

  /** Begins anew. */
  clear(): void {
    if (this.#count > 0) this.#buckets.fill(0)
    this.#count = 0
  }
}

function rounded(ms: number): number {
  return ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)
}
