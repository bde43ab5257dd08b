import type { ChangeLog } from '../capture/change-log.ts'
import type { PendingChanges } from '../capture/pending.ts'
import { AppError, reasonOf } from '../errors.ts'
import { type Origin, peekOrigin } from './entry.ts'
import type { EventQueue } from './event-queue.ts'

/**
 * Brings the queue and the change log together after a start, a lost connection, or a Redis that came back with
 * less, with nothing, or with an old snapshot. Runs before listener and bridge.
 *
 * Of our own entries those stay whose change is still in the log and that stand before the first change which Redis
 * lacks. Entries whose change is gone were delivered. Everything after the first lacking change is removed and will
 * be pushed again by the listener in the order of the log: pushing the lacking one behind it would reorder it.
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
  const ours: Array<{ readonly text: string; readonly origin: Origin }> = []
  for await (const text of queue.entries()) {
    const origin = peekOrigin(text)
    if (origin !== null && origin.installation === installation) ours.push({ text, origin })
  }
  const queued = new Set(ours.map(({ origin }) => origin.change))
  const highest = [...queued].reduce((high, id) => (BigInt(id) > high ? BigInt(id) : high), 0n)
  const logged = await idsUpTo(changeLog, highest)
  const inLog = new Set(logged)
  const firstLacking = logged.find((id) => !queued.has(id))
  const limit = firstLacking === undefined ? highest : BigInt(firstLacking)

  const kept = new Map<string, Set<number>>()
  const removed: string[] = []
  for (const { text, origin } of ours) {
    const indexes = kept.get(origin.change) ?? new Set<number>()
    if (!inLog.has(origin.change) || BigInt(origin.change) > limit || indexes.has(origin.index)) {
      removed.push(text)
    } else {
      kept.set(origin.change, indexes.add(origin.index))
    }
  }
  await queue.remove(removed)
  for (const [change, indexes] of kept) pending.add(change, indexes.size)
  return { kept: ours.length - removed.length, removed: removed.length }
}

async function idsUpTo(changeLog: ChangeLog, highest: bigint): Promise<string[]> {
  try {
    return await changeLog.idsUpTo(highest.toString())
  } catch (error) {
    throw new AppError('NEMO_MQTT_ERR_DATABASE', `the change log cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}
