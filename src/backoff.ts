import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits for `ms` milliseconds, or less when the signal aborts. Never throws: whoever waits looks at the signal next.
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  try {
    await delay(ms, undefined, { signal, ref: true })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Resolves when one of the two aborts, and leaves no listener behind: one of them lives as long as the service. */
export async function firstOf(one: AbortSignal, other: AbortSignal): Promise<void> {
  if (one.aborted || other.aborted) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      one.removeEventListener('abort', done)
      other.removeEventListener('abort', done)
      resolve()
    }
    one.addEventListener('abort', done)
    other.addEventListener('abort', done)
  })
}

/**
 * Delays between attempts: 100, 200, 400, ... ms up to the cap, each shortened at random by up to half, so that many
 * clients that lost the same server do not come back in step.
 */
export class Backoff {
  readonly #firstMs: number
  readonly #capMs: number
  #attempts = 0

  constructor(options: { firstMs?: number; capMs?: number } = {}) {
    this.#firstMs = options.firstMs ?? 100
    this.#capMs = options.capMs ?? 15_000
  }

  /** Attempts since the last success. */
  get attempts(): number {
    return this.#attempts
  }

  /** The delay before the next attempt, in milliseconds. */
  next(): number {
    const full = Math.min(this.#capMs, this.#firstMs * 2 ** Math.min(this.#attempts, 30))
    this.#attempts += 1
    return full / 2 + (full / 2) * Math.random()
  }

  /** To be called after a success. */
  reset(): void {
    this.#attempts = 0
  }
}
