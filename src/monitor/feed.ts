import { randomBytes } from 'node:crypto'
import type { History } from './history.ts'
import type { ShownBatch, ShownHistory, Totals } from './shown.ts'

/** What passes within this time goes to the readers as one event, in milliseconds. */
const BATCH_MS = 40
/** Rows of each kind in one batch: so many, and one more for each millisecond since the last; of more, the newest. */
const LEAST_ROWS = 60

/** Sends one event to one reader. */
export type Tell = (event: string, data: unknown) => void

/**
 * Tells readers of what passes. Without any it does nothing at all; with many, each row is made readable once. More
 * rows in one batch than the history keeps are counted instead.
 */
export class Feed {
  /** Tells one start of the service from another. */
  readonly run = randomBytes(6).toString('hex')
  readonly #history: History
  readonly #readers = new Set<Tell>()
  #timer: NodeJS.Timeout | undefined
  #toldId = 0
  #told: Totals
  #flushedAt = 0

  constructor(history: History) {
    this.#history = history
    this.#told = history.totals
  }

  get readers(): number {
    return this.#readers.size
  }

  /** What a new reader, or one that asks once, gets. */
  recent(): ShownHistory {
    return { run: this.run, messages: this.#history.after(0), totals: this.#history.totals }
  }

  /** Adds a reader, who is told first what is kept. Gives what ends it. */
  add(tell: Tell): () => void {
    this.#flush() // what waits is for those who were here; the new one gets it with the rest
    this.#readers.add(tell)
    tell('history', this.recent())
    return () => this.#remove(tell)
  }

  /** Something was noted. */
  noted(): void {
    if (this.#readers.size > 0) this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS)
  }

  /** Sends all of what is kept anew: something older has come to it. */
  resend(): void {
    if (this.#readers.size > 0) this.tell('history', this.recent())
  }

  /** Tells every reader. */
  tell(event: string, data: unknown): void {
    for (const tell of this.#readers) tell(event, data)
  }

  #remove(tell: Tell): void {
    this.#readers.delete(tell)
    if (this.#readers.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { totals, lastId } = this.#history
    if (this.#readers.size > 0 && lastId > this.#toldId) {
      const now = performance.now()
      const messages = this.#history.after(this.#toldId, LEAST_ROWS + Math.floor(now - this.#flushedAt))
      this.#flushedAt = now
      const passed = sum(totals) - sum(this.#told)
      this.tell('messages', { messages, totals, skipped: passed - messages.length } satisfies ShownBatch)
    }
    this.#toldId = lastId
    this.#told = totals
  }
}

function sum(totals: Totals): number {
  return Object.values(totals).reduce((all, one) => all + one, 0)
}
