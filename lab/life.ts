import { setTimeout as delay } from 'node:timers/promises'
import { NemoWriter, type WrittenChange } from './life/nemo-writer.ts'
import { logIn, renamePerson } from './life/people.ts'
import { Random } from './life/random.ts'
import { cancelReservation, missReservation, moveReservation, reserve, titleReservation } from './life/reservations.ts'
import type { Act } from './life/scene.ts'
import { cancelProblem, noteProgress, reportProblem, resolveProblem } from './life/tasks.ts'
import { renameTool, saveToolUnchanged } from './life/tools.ts'
import { disableTool, enableTool, validateUsage } from './life/usages.ts'
import { changeCapacity, changeProject, enterArea, leaveArea, logOutAutomatically } from './life/visits.ts'

export type { Expected, WrittenChange } from './life/nemo-writer.ts'

/** How a laboratory lives. */
export interface LifeOptions {
  /** Database with NEMO's tables, sample or real. */
  url: string
  /** The same seed on the same tables gives the same day. @defaultValue 1 */
  seed?: number
  /** Acts a second; each writes one to four rows. Infinity: as fast as it goes. @defaultValue 2 */
  rate?: number
  /** Ends after so many acts. @defaultValue never */
  acts?: number
  /** Ends it. */
  signal?: AbortSignal
  /** Hears what the people are about to do. */
  onAct?: (what: string) => void
  /** Hears of every row change, once it is committed. */
  onChange?: (change: WrittenChange) => void
}

/** What people do, and how often as compared with one another. */
const REPERTOIRE: readonly (readonly [Act, number])[] = [
  [enableTool, 12],
  [disableTool, 9],
  [reserve, 7],
  [moveReservation, 4],
  [cancelReservation, 2],
  [missReservation, 1],
  [titleReservation, 2],
  [reportProblem, 4],
  [noteProgress, 2],
  [resolveProblem, 3],
  [cancelProblem, 1],
  [enterArea, 6],
  [leaveArea, 4],
  [logOutAutomatically, 1],
  [changeProject, 1],
  [changeCapacity, 1],
  [renameTool, 2],
  [saveToolUnchanged, 4],
  [validateUsage, 3],
  [renamePerson, 1],
  [logIn, 2],
]

/**
 * Lives a laboratory's day without end: writes to NEMO's tables what NEMO writes when people work, statement by
 * statement in its order, and says of each row change which messages must come of it.
 *
 * @returns how many acts there were, once the signal or their number ended it
 */
export async function live(options: LifeOptions): Promise<number> {
  const { seed = 1, rate = 2, acts = Number.POSITIVE_INFINITY, signal } = options
  const random = new Random(seed)
  const nemo = new NemoWriter(options.url, (change) => options.onChange?.(change))
  const scene = { nemo, random, say: (what: string) => options.onAct?.(what) }
  let done = 0
  await nemo.open()
  try {
    while (done < acts && signal?.aborted !== true) {
      if (!(await pick(random)(scene))) continue
      done += 1
      // Drawn even when nobody waits: the seed must give the same day at any rate.
      const pauseMs = (1_000 / rate) * (0.5 + random.next())
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    await nemo.close()
  }
  return done
}

function pick(random: Random): Act {
  let left = random.next() * REPERTOIRE.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [act, weight] of REPERTOIRE) {
    left -= weight
    if (left < 0) return act
  }
  return saveToolUnchanged
}
