import { AppError, reasonOf } from '../errors.ts'
import { createRedis, type RedisPlace, redisTlsTrouble } from './connect.ts'
import { KEYS } from './keys.ts'

/** How many parked messages are shown. */
const SHOWN = 5

/** A message that was set aside because it cannot be published. */
export interface ParkedMessage {
  /** Topic of the entry; null when the entry itself cannot be read. */
  readonly topic: string | null
  readonly reason: string
  /** RFC 3339 time, or `unknown`. */
  readonly time: string
}

/** What the lists in Redis hold. */
export interface QueueState {
  readonly queued: number
  readonly inFlight: number
  readonly parked: number
  /** The newest few. */
  readonly newestParked: readonly ParkedMessage[]
  /** What the active bridge said last, at most 90 s ago; null when it has said nothing since. */
  readonly bridge: string | null
}

/**
 * Looks at the lists without changing anything.
 *
 * @throws AppError NEMO_MQTT_ERR_REDIS
 */
export async function inspectQueue(place: RedisPlace): Promise<QueueState> {
  const redis = createRedis(place)
  let failure: Error | undefined
  redis.on('error', (error) => {
    failure = error // connect() itself only says that the connection is closed
  })
  try {
    await redis.connect()
    const [queued, inFlight, parked] = await Promise.all([
      redis.llen(KEYS.queue),
      redis.llen(KEYS.inFlight),
      redis.llen(KEYS.parked),
    ])
    const newest = await redis.lrange(KEYS.parked, 0, SHOWN - 1)
    return { queued, inFlight, parked, newestParked: newest.map(readParked), bridge: await redis.get(KEYS.status) }
  } catch (error) {
    const trouble = await redisTlsTrouble(place, failure ?? error)
    throw new AppError('NEMO_MQTT_ERR_REDIS', `Redis cannot be read: ${trouble?.why ?? reasonOf(failure ?? error)}`, {
      cause: error,
      hint: trouble?.todo ?? 'check that Redis runs and NEMO_MQTT_REDIS_URL is right',
    })
  } finally {
    if (redis.status !== 'end') redis.disconnect() // see EventQueue
  }
}

function readParked(text: string): ParkedMessage {
  try {
    const { entry, reason, time } = JSON.parse(text) as { entry: string; reason: string; time: string }
    return { topic: topicOf(entry), reason, time }
  } catch {
    return { topic: null, reason: `not put there by us: ${text.slice(0, 50)}`, time: 'unknown' }
  }
}

function topicOf(entry: string): string | null {
  try {
    const topic = (JSON.parse(entry) as { topic?: unknown } | null)?.topic
    return typeof topic === 'string' ? topic : null
  } catch {
    return null // an entry that cannot be read: that is why it is parked
  }
}
