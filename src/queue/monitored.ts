import type { Redis } from 'ioredis'
import { AppError } from '../errors.ts'
import { decodeEntry, type Entry } from './entry.ts'
import { KEYS } from './keys.ts'

/** The entries that were delivered last, oldest first, without what other programs put there that is none. */
export async function readMonitor(redis: Redis): Promise<Entry[]> {
  const texts = await redis.lrange(KEYS.monitor, 0, -1)
  return texts.reverse().flatMap((text) => {
    try {
      return [decodeEntry(text)]
    } catch (error) {
      if (error instanceof AppError) return []
      throw error
    }
  })
}
