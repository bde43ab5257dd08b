import { Wake } from '../wake.ts'

/**
 * The changes that were read from PostgreSQL and are not deleted there yet, with the number of their messages that
 * are still to be delivered. This memory is what keeps a change from being read twice; it is built anew from Redis
 * and PostgreSQL whenever either may have been lost, so nothing depends on its survival.
 */
export class PendingChanges {
  readonly #undelivered = new Map<string, number>()
  readonly #forgotten = new Set<string>()
  #settled: string[] = []
  /** Notified when a change was settled completely. */
  readonly settled = new Wake()

  /** How many changes are pending, the settled ones that are not deleted yet included. */
  get size(): number {
    return this.#undelivered.size
  }

  /** Whether a change is already known, or was when the present read of the log began. */
  has(id: string): boolean {
    return this.#undelivered.has(id) || this.#forgotten.has(id)
  }

  /** The ids of all that are pending. */
  ids(): string[] {
    return [...this.#undelivered.keys()]
  }

  /** The ids of those whose messages are not all delivered. */
  undelivered(): string[] {
    return [...this.#undelivered].filter(([, messages]) => messages > 0).map(([id]) => id)
  }

  /** To be called before each read of the log: what is forgotten by now is deleted there, so the read cannot give it. */
  readBegins(): void {
    this.#forgotten.clear()
  }

  /** Begins to follow a change with this many messages. With none it is settled at once. */
  add(id: string, messages: number): void {
    this.#undelivered.set(id, messages)
    if (messages === 0) this.#complete(id)
  }

  /** One message of the change was delivered or parked. Unknown ids are ignored: they belong to an earlier claim. */
  settle(id: string): void {
    const left = this.#undelivered.get(id)
    if (left === undefined || left === 0) return
    this.#undelivered.set(id, left - 1)
    if (left === 1) this.#complete(id)
  }

  /** Up to `limit` settled changes, to be deleted in PostgreSQL; then call {@link forget}, or {@link retry}. */
  takeSettled(limit: number): string[] {
    return this.#settled.splice(0, limit)
  }

  /**
   * They are deleted. A read of the log that is under way may still give them, and to send them again now, after later
   * ones of the same tool, would tell people that an old state is the present one.
   */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.#undelivered.delete(id)
      this.#forgotten.add(id)
    }
  }

  /** They could not be deleted: keep them. */
  retry(ids: readonly string[]): void {
    this.#settled = [...ids, ...this.#settled]
  }

  #complete(id: string): void {
    this.#settled.push(id)
    this.settled.notify()
  }
}
