/** Keeps the newest values that were seen, up to a limit: what is left of rows that have been deleted since. */
export class Remembered<Value> {
  readonly #limit: number
  // A Map iterates in the order of insertion, so its first key is the one that was seen longest ago.
  readonly #values = new Map<string, Value>()

  constructor(limit: number) {
    this.#limit = limit
  }

  see(key: string, value: Value): void {
    this.#values.delete(key)
    this.#values.set(key, value)
    if (this.#values.size <= this.#limit) return
    const oldest = this.#values.keys().next()
    if (!oldest.done) this.#values.delete(oldest.value)
  }

  get(key: string): Value | undefined {
    return this.#values.get(key)
  }

  /** Forgets everything. */
  clear(): void {
    this.#values.clear()
  }
}
