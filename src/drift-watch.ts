import type { Pool } from 'pg'
import type { LiveSettings } from './config/live.ts'
import type { Drift } from './db/drift.ts'
import { ruleDrift } from './db/drift-rules.ts'
import { findDrift } from './db/find-drift.ts'
import type { Health } from './health.ts'
import { Wake } from './wake.ts'

/** How often the triggers are compared with what should be there, in milliseconds. */
const CHECK_MS = 30_000

/**
 * Looks from time to time whether NEMO's tables still have our triggers: an upgrade, a restored backup or a person can
 * take them away, and nothing else would tell.
 */
export class DriftWatch {
  readonly #pool: Pool
  readonly #health: Health
  readonly #live: LiveSettings

  constructor(pool: Pool, health: Health, live: LiveSettings) {
    this.#pool = pool
    this.#live = live
    this.#health = health
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const rules = new Wake()
    // At once, so that whoever stores a rule learns what is wrong with it.
    const unsubscribe = this.#live.subscribe((now, before) => {
      if (now.custom_events !== before.custom_events) rules.notify()
    })
    while (!signal.aborted) {
      await this.#check()
      await rules.wait(CHECK_MS, signal)
    }
    unsubscribe()
  }

  async #check(): Promise<void> {
    let drift: readonly Drift[]
    try {
      drift = [...(await findDrift(this.#pool)), ...(await ruleDrift(this.#pool, this.#live.current.custom_events))]
    } catch (error) {
      this.#health.failing('schema', error, 'see the state of the database')
      return
    }
    const [first] = drift
    if (first === undefined) this.#health.ok('schema', 'every trigger is in place')
    else this.#health.failing('schema', drift.map((one) => one.found).join('; '), first.remedy)
  }
}
