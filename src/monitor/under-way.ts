import type { Entry } from '../queue/entry.ts'

/** More messages than the bridge ever has under way; beyond it something was forgotten, and the oldest are dropped. */
const MOST = 50_000

/** When a message passed which place, in milliseconds since 1970. */
export interface Way {
  readonly takenAt: number
  /** The last time. */
  sentAt: number | null
  attempts: number
}

/** The messages that the bridge has taken and not settled, oldest first. */
export class UnderWay {
  readonly #ways = new Map<Entry, Way>()
  #claim = 0

  /**
   * A message was taken.
   *
   * @param claim number of the claim on the queue: a new one has put everything back that was under way
   */
  taken(entry: Entry, at: number, claim: number): Way {
    if (claim !== this.#claim) this.#ways.clear()
    this.#claim = claim
    const [oldest] = this.#ways.keys()
    if (this.#ways.size >= MOST && oldest !== undefined) this.#ways.delete(oldest)
    const way: Way = { takenAt: at, sentAt: null, attempts: 0 }
    this.#ways.set(entry, way)
    return way
  }

  /** It was given to the broker. */
  sent(entry: Entry, at: number): void {
    const way = this.#ways.get(entry)
    if (way === undefined) return
    way.sentAt = at
    way.attempts += 1
  }

  /** It is settled; gives its way, if it is known. */
  end(entry: Entry): Way | undefined {
    const way = this.#ways.get(entry)
    this.#ways.delete(entry)
    return way
  }

  /** The queue is nobody's at present. */
  clear(): void {
    this.#ways.clear()
  }

  /** When the oldest was taken, and when the oldest of those was sent that the broker has not answered. */
  oldest(): { readonly takenAt: number | null; readonly sentAt: number | null } {
    let [takenAt, sentAt]: [number | null, number | null] = [null, null]
    for (const way of this.#ways.values()) {
      takenAt ??= way.takenAt
      if (way.sentAt !== null) sentAt = Math.min(sentAt ?? way.sentAt, way.sentAt)
    }
    return { takenAt, sentAt }
  }
}
