/** What the writers committed: per entity, in the order of the commits, how each change will look to a subscriber. */
export class Ledger {
  readonly #own = new Map<string, string[]>()
  readonly #shared = new Map<string, Map<number, string>>()
  commits = 0
  rollbacks = 0

  /** A change of an entity that only one writer touches: its own order is the order of the commits. */
  add(entity: string, key: string): void {
    this.#own.set(entity, [...(this.#own.get(entity) ?? []), key])
  }

  /** A change of an entity that all fight for: the row itself counts the commits. */
  addShared(entity: string, place: number, key: string): void {
    const places = this.#shared.get(entity) ?? new Map<number, string>()
    if (places.has(place)) throw new Error(`two commits at place ${place} of ${entity}: the test itself is wrong`)
    this.#shared.set(entity, places.set(place, key))
  }

  /** How many changes were committed. */
  get changes(): number {
    return [...this.expected().values()].reduce((sum, keys) => sum + keys.length, 0)
  }

  /** Entity to keys in the order of the commits. */
  expected(): Map<string, readonly string[]> {
    const all = new Map<string, readonly string[]>(this.#own)
    for (const [entity, places] of this.#shared) {
      const sorted = [...places].sort(([a], [b]) => a - b)
      if (sorted.some(([place], n) => place !== n + 1)) throw new Error(`${entity} lacks a place: the test is wrong`)
      all.set(
        entity,
        sorted.map(([, key]) => key),
      )
    }
    return all
  }
}
