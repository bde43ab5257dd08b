import type { Redis } from 'ioredis'
import { AppError, reasonOf } from '../errors.ts'
import { createRedis, type RedisPlace, redisTlsTrouble } from './connect.ts'

/**
 * Works with Redis on a connection of its own, for one command of ours; it owns nothing there, so what it changes it
 * changes in one step.
 *
 * @throws AppError NEMO_MQTT_ERR_REDIS, and what `work` throws as an AppError
 */
export async function visitRedis<T>(place: RedisPlace, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = createRedis(place)
  let failure: Error | undefined
  redis.on('error', (error) => {
    failure = error // connect() itself only says that the connection is closed
  })
  try {
    await redis.connect()
    return await work(redis)
  } catch (error) {
    if (error instanceof AppError) throw error
    const trouble = await redisTlsTrouble(place, failure ?? error)
    throw new AppError('NEMO_MQTT_ERR_REDIS', `Redis cannot be used: ${trouble?.why ?? reasonOf(failure ?? error)}`, {
      cause: error,
      hint: trouble?.todo ?? 'check that Redis runs and NEMO_MQTT_REDIS_URL is right',
    })
  } finally {
    if (redis.status !== 'end') redis.disconnect() // see EventQueue
  }
}
