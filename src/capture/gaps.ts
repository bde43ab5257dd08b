/** A run of ids that were handed out but not seen, bounds included. */
interface Gap {
  readonly from: bigint
  readonly to: bigint
  /** A transaction with an older number may still bring one of these ids. */
  readonly until: bigint
}

/** More gaps than this are joined into one, which only costs a longer scan. */
const MAX_GAPS = 5_000

/**
 * The ids below the highest one read that were not there when we passed them.
 *
 * Ids are handed out before commit: a transaction that took id 5 may commit after id 6 was read, or roll back, and
 * then 5 never comes. Nobody waits for it. Since only a transaction that was already running when the gap was seen
 * can fill it, the gap is forgotten once all those have ended. So looking for late changes means looking at a few
 * points of the index: it does not walk over deleted rows that a long snapshot keeps VACUUM from removing.
 */
export class Gaps {
  #gaps: Gap[] = []

  /** Lower and upper bounds of the gaps, as two arrays for `unnest`. */
  bounds(): { from: string[]; to: string[] } {
    return { from: this.#gaps.map((gap) => gap.from.toString()), to: this.#gaps.map((gap) => gap.to.toString()) }
  }

  /** Notes that `seen` (ascending) are the ids read above `highest`; what lies between them is missing. */
  open(highest: bigint, seen: readonly bigint[], until: bigint): void {
    let previous = highest
    for (const id of seen) {
      if (id > previous + 1n) this.#gaps.push({ from: previous + 1n, to: id - 1n, until })
      previous = id
    }
    const [first] = this.#gaps
    const last = this.#gaps.at(-1)
    if (this.#gaps.length > MAX_GAPS && first !== undefined && last !== undefined) {
      this.#gaps = [{ from: first.from, to: last.to, until }]
    }
  }

  /** Takes ids (ascending) that came late out of their gaps. */
  fill(ids: readonly bigint[]): void {
    for (const id of ids) {
      this.#gaps = this.#gaps.flatMap((gap) => {
        if (id < gap.from || id > gap.to) return [gap]
        const parts = [
          { ...gap, to: id - 1n },
          { ...gap, from: id + 1n },
        ]
        return parts.filter((part) => part.from <= part.to)
      })
    }
  }

  /** Forgets the gaps that no running transaction can fill; `running` is the oldest transaction still running. */
  close(running: bigint): void {
    this.#gaps = this.#gaps.filter((gap) => gap.until > running)
  }
}
