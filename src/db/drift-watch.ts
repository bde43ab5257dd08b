import type { Pool } from 'pg'
import { pause } from '../backoff.ts'
import type { Health } from '../health.ts'
import type { Drift } from './drift.ts'
import { findDrift } from './find-drift.ts'

/** How often the triggers are compared with what should be there, in milliseconds. */
const CHECK_MS = 30_000

/**
 * Looks from time to time whether NEMO's tables still have our triggers: an upgrade, a restored backup or a person can
 * take them away, and nothing else would tell.
 */
export class DriftWatch {
  readonly #pool: Pool
  readonly #health: Health

  constructor(pool: Pool, health: Health) {
    this.#pool = pool
    this.#health = health
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#check()
      await pause(CHECK_MS, signal)
    }
  }

  async #check(): Promise<void> {
    let drift: readonly Drift[]
    try {
      drift = await findDrift(this.#pool)
    } catch (error) {
      this.#health.failing('schema', error, 'see the state of the database')
      return
    }
    const [first] = drift
    if (first === undefined) this.#health.ok('schema', 'every trigger is in place')
    else this.#health.failing('schema', drift.map((one) => one.found).join('; '), first.remedy)
  }
}
