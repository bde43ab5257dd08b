import type { Redis } from 'ioredis'
import type { RedisSettings } from '../config/settings.ts'
import { AppError, reasonOf } from '../errors.ts'
import { createRedis, redisTlsTrouble } from '../queue/connect.ts'
import { redisError } from '../queue/event-queue.ts'

/** Fields of INFO by their names. */
export type RedisInfo = ReadonlyMap<string, string>

/**
 * Connects to Redis and logs in. The database is not chosen yet: whether it exists is a question of its own.
 *
 * @param answerMs longest wait for one answer
 * @throws AppError NEMO_MQTT_ERR_REDIS
 */
export async function openRedis(settings: RedisSettings, answerMs: number): Promise<Redis> {
  const server = new URL(settings.redis_url)
  server.pathname = ''
  const place = { ...settings, redis_url: server.href }
  const redis = createRedis(place, { name: 'nemo-mqtt-check', answerMs })
  let failure: Error | undefined
  redis.on('error', (error) => {
    failure ??= error // what a command says afterwards only repeats it
  })
  try {
    await redis.connect()
    await redis.ping()
  } catch (error) {
    const cause = failure ?? error
    if (hasAnswered(cause)) return redis
    if (redis.status !== 'end') redis.disconnect()
    redis.stream?.destroy()
    const trouble = await redisTlsTrouble(place, cause)
    if (trouble !== undefined)
      throw new AppError('NEMO_MQTT_ERR_REDIS', `Redis: ${trouble.why}`, { cause, hint: trouble.todo })
    throw withAddress(redisError(cause), server.host)
  }
  return redis
}

/** What Redis says of itself; undefined when the user may not ask. */
export async function readInfo(redis: Redis): Promise<RedisInfo | undefined> {
  const text = await allowed(redis.info())
  if (text === undefined) return undefined
  return new Map([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = '', value = '']) => [name, value]))
}

/** The answer of a command, or undefined when the user may not give it. */
export async function allowed<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isForbidden(error)) return undefined
    throw redisError(error)
  }
}

// PING too is refused for want of a right, or while snapshots fail. That is an answer; whether we may write is a
// question of its own.
function hasAnswered(error: unknown): boolean {
  return /^(NOPERM|MISCONF)/.test(reasonOf(error))
}

function isForbidden(error: unknown): boolean {
  return /^NOPERM/.test(reasonOf(error))
}

function withAddress(error: AppError, address: string): AppError {
  const message = `${error.message} (${address})`
  return new AppError(error.code, message, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) })
}
