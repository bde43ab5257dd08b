import type { RedisPlace } from './connect.ts'
import { decodeEntry } from './entry.ts'
import { KEYS } from './keys.ts'
import { parkedMessage } from './parked.ts'
import { visitRedis } from './visit.ts'

/** How many parked messages are shown. */
const SHOWN = 5

/** A message that was set aside because it cannot be published. */
export interface ParkedSummary {
  /** Topic of the entry; null when the entry itself cannot be read. */
  readonly topic: string | null
  readonly reason: string
  /** RFC 3339 time, or `unknown`. */
  readonly time: string
}

/** What the lists in Redis hold. */
export interface QueueState {
  readonly queued: number
  /** When the oldest in the queue was put there, in seconds since 1970; null when there is none, or nobody said so. */
  readonly oldestQueuedAt: number | null
  readonly inFlight: number
  readonly parked: number
  /** The newest few. */
  readonly newestParked: readonly ParkedSummary[]
  /** What the active bridge said last, at most 90 s ago; null when it has said nothing since. */
  readonly bridge: string | null
}

/**
 * Looks at the lists without changing anything.
 *
 * @throws AppError NEMO_MQTT_ERR_REDIS
 */
export async function inspectQueue(place: RedisPlace): Promise<QueueState> {
  return await visitRedis(place, async (redis) => {
    const [queued, inFlight, parked, [oldest]] = await Promise.all([
      redis.llen(KEYS.queue),
      redis.llen(KEYS.inFlight),
      redis.llen(KEYS.parked),
      redis.lrange(KEYS.queue, -1, -1),
    ])
    const newest = await redis.lrange(KEYS.parked, 0, SHOWN - 1)
    const newestParked = newest.map(parkedMessage).map(({ entry, reason, time }) => {
      return { topic: entry?.topic ?? null, reason, time }
    })
    const bridge = await redis.get(KEYS.status)
    return { queued, oldestQueuedAt: queuedAtOf(oldest), inFlight, parked, newestParked, bridge }
  })
}

function queuedAtOf(text: string | undefined): number | null {
  try {
    return text === undefined ? null : decodeEntry(text).queuedAt
  } catch {
    return null // the bridge will park it
  }
}
