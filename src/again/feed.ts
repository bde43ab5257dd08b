import type { Redis } from 'ioredis'
import { pause } from '../backoff.ts'
import { AppError } from '../errors.ts'
import { KEYS } from '../queue/keys.ts'

/** What was fed may wait in the list up to so many entries: what happens in NEMO meanwhile does not wait long behind it. */
const MOST_WAITING = 200
/** Entries of one push. */
const BATCH = 50
const LOOK_MS = 50
/** When nothing was taken from the list for so long, nobody is there who takes, in milliseconds. */
const STANDSTILL_MS = 30_000

/**
 * Pushes entries to the queue, oldest first, as other programs do, and waits until the service has taken them. Never
 * more at once than the service takes, so never more than the broker takes.
 *
 * @param perSecond entries a second at most
 * @returns how many were pushed
 * @throws AppError NEMO_MQTT_ERR_REDIS when nobody takes them; what was pushed stays in the list
 */
export async function feed(
  redis: Redis,
  entries: AsyncIterable<string>,
  perSecond: number,
  signal: AbortSignal,
): Promise<number> {
  const since = performance.now()
  let pushed = 0
  let batch: string[] = []
  const push = async (): Promise<void> => {
    if (batch.length === 0) return
    await hasRoom(redis, MOST_WAITING - batch.length, signal)
    await redis.lpush(KEYS.queue, ...batch)
    pushed += batch.length
    batch = []
    const early = (pushed / perSecond) * 1_000 - (performance.now() - since)
    if (early > 0) await pause(early, signal)
  }
  for await (const entry of entries) {
    if (signal.aborted) break
    batch.push(entry)
    if (batch.length >= Math.min(BATCH, Math.max(1, perSecond))) await push()
  }
  if (!signal.aborted) {
    await push()
    await hasRoom(redis, 0, signal)
  }
  return pushed
}

async function hasRoom(redis: Redis, most: number, signal: AbortSignal): Promise<void> {
  let before = Number.POSITIVE_INFINITY
  let movedAt = performance.now()
  while (!signal.aborted) {
    const waiting = await redis.llen(KEYS.queue)
    if (waiting <= most) return
    if (waiting < before) movedAt = performance.now()
    before = waiting
    if (performance.now() - movedAt > STANDSTILL_MS) {
      throw new AppError(
        'NEMO_MQTT_ERR_REDIS',
        `nobody has taken anything from ${KEYS.queue} for ${STANDSTILL_MS / 1_000} s`,
        {
          hint: 'what was pushed is still there; nemo-mqtt-check says why the service does not take it',
        },
      )
    }
    await pause(LOOK_MS, signal)
  }
}
