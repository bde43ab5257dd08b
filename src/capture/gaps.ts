/** A run of ids that were handed out but not seen, bounds included. */
interface Gap {
  readonly from: bigint
  readonly to: bigint
  /** The first transaction number that was not handed out yet when the gap was seen: no such one can fill it. */
  readonly until: bigint
  /** Whether ids that were seen lie in it as well, because gaps were joined. */
  readonly isCoarse: boolean
}

/** More gaps than this are joined into one. */
const MAX_GAPS = 5_000

/**
 * The ids below the highest one read that were not there when we passed them.
 *
 * Ids are handed out before commit: a transaction that took id 5 may commit after id 6 was read, or roll back, and
 * then 5 never comes. Nobody waits for it. Since only a transaction that already had its number when the gap was seen
 * can fill it, the gap is forgotten once all those have ended. So looking for late changes means looking at a few
 * points of the index: it does not walk over deleted rows that a long snapshot keeps VACUUM from removing.
 *
 * Only a transaction that writes for hours while others roll back makes many gaps. They are joined then, and whoever
 * reads must leave out what is pending, because a joined gap shows that again.
 */
export class Gaps {
  /** Lowest first, apart from each other. */
  #gaps: Gap[] = []

  /** How many there are. */
  get count(): number {
    return this.#gaps.length
  }

  /** Whether ids that were seen lie in one of them. */
  get areCoarse(): boolean {
    return this.#gaps.some((gap) => gap.isCoarse)
  }

  /** Lower and upper bounds of the gaps, as two arrays for `unnest`. */
  bounds(): { from: string[]; to: string[] } {
    return { from: this.#gaps.map((gap) => gap.from.toString()), to: this.#gaps.map((gap) => gap.to.toString()) }
  }

  /** Notes that `seen` (ascending) are the ids read above `highest`; what lies between them is missing. */
  open(highest: bigint, seen: readonly bigint[], until: bigint): void {
    let previous = highest
    for (const id of seen) {
      if (id > previous + 1n) this.#gaps.push({ from: previous + 1n, to: id - 1n, until, isCoarse: false })
      previous = id
    }
    const [first] = this.#gaps
    const last = this.#gaps.at(-1)
    if (this.#gaps.length > MAX_GAPS && first !== undefined && last !== undefined) {
      this.#gaps = [{ from: first.from, to: last.to, until, isCoarse: true }]
    }
  }

  /** Takes ids (ascending) that came late out of their gaps. */
  fill(ids: readonly bigint[]): void {
    if (ids.length === 0) return
    const left: Gap[] = []
    let next = 0
    for (const gap of this.#gaps) {
      let from = gap.from
      for (; (ids[next] ?? gap.to + 1n) <= gap.to; next += 1) {
        const id = ids[next] ?? from
        if (gap.isCoarse || id < from) continue
        if (from < id) left.push({ ...gap, from, to: id - 1n })
        from = id + 1n
      }
      if (from <= gap.to) left.push({ ...gap, from })
    }
    this.#gaps = left
  }

  /**
   * Forgets the gaps that no running transaction can fill.
   *
   * @param running the oldest transaction that was still running at the last read
   * @param shown how far that read looked into the gaps; undefined when it looked into all of them
   */
  close(running: bigint, shown?: bigint): void {
    this.#gaps = this.#gaps.filter((gap) => gap.until > running || (shown !== undefined && gap.to > shown))
  }
}
