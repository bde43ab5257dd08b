import { setTimeout as delay } from 'node:timers/promises'
import { AppError, codeOf } from '../errors.ts'

/** How often a step is tried that found a table locked, and how long the first pause is; each next one is twice that. */
export interface Patience {
  /** @defaultValue 6 */
  readonly attempts: number
  /** In milliseconds, at most 15,000. @defaultValue 1,000 */
  readonly pauseMs: number
}

const DEFAULT: Patience = { attempts: 6, pauseMs: 1_000 }
const LONGEST_MS = 15_000

// lock_not_available, and deadlock_detected where we were the one to give way.
const BUSY = new Set(['55P03', '40P01'])

/**
 * Runs a step that needs a lock on a table, again and again while NEMO keeps the table. The step itself waits only a
 * moment (`lock_timeout`), because everything that NEMO does next would queue behind it.
 *
 * @throws AppError NEMO_MQTT_ERR_TABLE_BUSY when the table stays locked; any other error of the step at once
 */
export async function whileBusy<T>(
  what: string,
  print: (line: string) => void,
  step: () => Promise<T>,
  { attempts, pauseMs }: Patience = DEFAULT,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await step()
    } catch (error) {
      if (!BUSY.has(codeOf(error) ?? '')) throw error
      if (attempt === attempts) {
        throw new AppError('NEMO_MQTT_ERR_TABLE_BUSY', `${what}: the table stayed locked, ${attempts} attempts`, {
          cause: error,
          hint: 'look for long transactions in pg_stat_activity (a backup, a forgotten session), then run this again',
        })
      }
      const waitMs = Math.min(pauseMs * 2 ** (attempt - 1), LONGEST_MS)
      print(`${what}: the table is in use; attempt ${attempt + 1} of ${attempts} in ${waitMs / 1_000} s`)
      await delay(waitMs)
    }
  }
}
