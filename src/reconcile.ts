import type { ChangeLog } from './capture/change-log.ts'
import type { PendingChanges } from './capture/pending.ts'
import { AppError, reasonOf } from './errors.ts'
import { peekOrigin } from './queue/entry.ts'
import type { EventQueue } from './queue/event-queue.ts'

/** Largest bigint of PostgreSQL. Whoever writes a larger id into an entry must not keep the service from starting. */
const LARGEST_ID = 2n ** 63n - 1n

/** Entries that one command removes, and how many Redis may look at for all of them together. */
const PAGE = 1_000
const MOST_STEPS = 25_000_000

/**
 * Brings the queue and the change log together after a start, a lost connection, or a Redis that came back with
 * less, with nothing, or with an old snapshot. Runs before listener and bridge.
 *
 * Of our own entries those stay whose change is still in the log and that stand before the first change which Redis
 * lacks. Entries whose change is gone were delivered. Everything from the first lacking change on is removed and will
 * be pushed again by the listener in the order of the log: pushing the lacking one behind it would reorder it. A
 * change that is there twice counts as lacking, because which of two equal entries is removed cannot be chosen.
 * Entries of other programs are not touched.
 *
 * @returns how many entries were kept and removed
 * @throws AppError NEMO_MQTT_ERR_REDIS or NEMO_MQTT_ERR_DATABASE; then nothing is decided and the claim is void
 */
export async function reconcile(
  queue: EventQueue,
  changeLog: ChangeLog,
  pending: PendingChanges,
  installation: string,
): Promise<{ kept: number; removed: number }> {
  const ours: Array<{ readonly text: string; readonly change: bigint }> = []
  const queued = new Map<bigint, Set<number>>()
  const twice = new Set<bigint>()
  let highest = 0n
  for await (const text of queue.entries()) {
    const origin = peekOrigin(text)
    if (origin?.installation !== installation) continue
    const change = BigInt(origin.change)
    if (change > LARGEST_ID) continue
    if (change > highest) highest = change
    const indexes = queued.get(change) ?? new Set<number>()
    if (indexes.has(origin.index)) twice.add(change)
    queued.set(change, indexes.add(origin.index))
    ours.push({ text, change })
  }
  const logged = (await idsUpTo(changeLog, highest)).map(BigInt)
  const inLog = new Set(logged)
  const again = logged.find((id) => !queued.has(id) || twice.has(id)) ?? highest + 1n

  let kept = ours.filter(({ change }) => inLog.has(change) && change < again)
  let removed = ours.filter(({ change }) => !inLog.has(change) || change >= again)
  // Redis looks for each from the oldest on, past what is kept: rather push all of it again than let everybody wait.
  if (kept.length * removed.length > MOST_STEPS) [kept, removed] = [[], ours]
  for (let next = 0; next < removed.length; next += PAGE) {
    await queue.remove(removed.slice(next, next + PAGE).map(({ text }) => text))
  }
  for (const { change } of kept) pending.add(change.toString(), queued.get(change)?.size ?? 0)
  return { kept: kept.length, removed: removed.length }
}

async function idsUpTo(changeLog: ChangeLog, highest: bigint): Promise<string[]> {
  try {
    return await changeLog.idsUpTo(highest.toString())
  } catch (error) {
    throw new AppError('NEMO_MQTT_ERR_DATABASE', `the change log cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}
