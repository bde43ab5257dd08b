import { Redis } from 'ioredis'
import { AppError, reasonOf } from '../errors.ts'

const ANSWER_MS = 5_000

/**
 * Works with Redis on a connection of its own, for one command of ours; it owns nothing there, so what it changes it
 * changes in one step.
 *
 * @throws AppError NEMO_MQTT_ERR_REDIS, and what `work` throws as an AppError
 */
export async function visitRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    enableReadyCheck: false,
  })
  let failure: Error | undefined
  redis.on('error', (error) => {
    failure = error // connect() itself only says that the connection is closed
  })
  try {
    await redis.connect()
    return await work(redis)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('NEMO_MQTT_ERR_REDIS', `Redis cannot be used: ${reasonOf(failure ?? error)}`, {
      cause: error,
      hint: 'check that Redis runs and NEMO_MQTT_REDIS_URL is right',
    })
  } finally {
    if (redis.status !== 'end') redis.disconnect() // see EventQueue
  }
}
