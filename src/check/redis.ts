import { randomBytes } from 'node:crypto'
import { AppError, reasonOf } from '../errors.ts'
import { redisError } from '../queue/event-queue.ts'
import { type Check, critical, type Finding, ok, unknown, warning } from './finding.ts'
import { allowed, type RedisInfo } from './redis-connection.ts'
import type { Site } from './site.ts'

/** The one key that is written. */
const KEY = 'nemo_mqtt_check'
const SECONDS = 5
const OLDEST_REDIS = 6
/** From this share of maxmemory on it is named. */
const NEARLY_FULL = 0.9
const MORE_RIGHTS = 'allow the Redis user +info +config|get +client|list +time, for the check alone'
const HIDDEN = 'our Redis user may not ask (INFO)'

// The key holds a text, so a list command that is allowed does nothing but say WRONGTYPE. SET first: what Redis
// refuses to write it refuses at the first write of a script, and after PERSIST it no longer would.
const TRY_ALL = `
local denied = {}
local function try(...)
  local answer = redis.pcall(...)
  local err = type(answer) == 'table' and answer.err
  if err and not string.find(err, 'WRONGTYPE') then denied[#denied + 1] = select(1, ...) .. ': ' .. err end
end
try('set', KEYS[1], ARGV[1], 'EX', ARGV[2])
try('get', KEYS[1])
try('llen', KEYS[1])
try('lrange', KEYS[1], 0, 0)
try('lpush', KEYS[1], '')
try('rpush', KEYS[1], '')
try('lpop', KEYS[1])
try('rpoplpush', KEYS[1], KEYS[1])
try('lrem', KEYS[1], 1, '')
try('ltrim', KEYS[1], 0, 0)
try('persist', KEYS[1])
try('set', KEYS[1], ARGV[1], 'EX', ARGV[2])
return denied
`

/** Redis: whether it answers, what it is, and whether it takes what we write. */
export const REDIS_CHECKS: readonly Check[] = [
  {
    code: 'REDIS_REACHABLE',
    look: async (site) => {
      try {
        await site.redis()
        return ok('Redis answers')
      } catch (error) {
        return refused(error)
      }
    },
  },
  {
    code: 'REDIS_DATABASE',
    needs: ['REDIS_REACHABLE'],
    look: async (site) => {
      const number = site.redisDatabase
      try {
        await (await site.redis()).select(number)
      } catch (error) {
        const { message, hint } = redisError(error)
        return critical(`database ${number}: ${message}`, hint ?? 'correct the number in NEMO_MQTT_REDIS_URL')
      }
      if (number !== 0) return ok(`database ${number}`)
      return warning('database 0, which every program uses that was told nothing else', 'end NEMO_MQTT_REDIS_URL in /1')
    },
  },
  {
    code: 'REDIS_VERSION',
    needs: ['REDIS_REACHABLE'],
    look: async (site) => {
      const info = await site.redisInfo()
      if (info === undefined) return unknown(HIDDEN, MORE_RIGHTS)
      const version = info.get('redis_version') ?? 'unknown'
      if (Number.parseInt(version, 10) >= OLDEST_REDIS) return ok(`Redis ${version}`)
      return warning(`Redis ${version}`, `upgrade Redis to ${OLDEST_REDIS} or newer`)
    },
  },
  {
    code: 'REDIS_EVICTION',
    needs: ['REDIS_REACHABLE'],
    causes: ['REDIS_WRITE'],
    look: async (site) => {
      const info = await site.redisInfo()
      return info === undefined ? unknown(HIDDEN, MORE_RIGHTS) : judgeMemory(info)
    },
  },
  {
    code: 'REDIS_PERSISTENCE',
    needs: ['REDIS_REACHABLE'],
    causes: ['REDIS_WRITE'],
    look: async (site) => {
      const info = await site.redisInfo()
      if (info === undefined) return unknown(HIDDEN, MORE_RIGHTS)
      return judgePersistence(info, await allowed((await site.redis()).config('GET', 'save')))
    },
  },
  { code: 'REDIS_WRITE', needs: ['REDIS_DATABASE'], look: write },
]

function judgeMemory(info: RedisInfo): Finding {
  const maxmemory = Number(info.get('maxmemory') ?? 0)
  const policy = info.get('maxmemory_policy') ?? 'unknown'
  if (maxmemory === 0) return ok('no maxmemory, so nothing is thrown away')
  const used = Number(info.get('used_memory') ?? 0)
  const share = `${Math.round((100 * used) / maxmemory)} % of maxmemory (${info.get('maxmemory_human')}) used`
  if (policy.startsWith('allkeys')) {
    const found = `${share}; with policy ${policy} Redis may throw our lists away`
    return warning(found, 'maxmemory-policy noeviction, or a Redis of our own')
  }
  if (used < NEARLY_FULL * maxmemory) return ok(`${share}, policy ${policy}: our lists are never thrown away`)
  return warning(`${share}, policy ${policy}: at the limit Redis refuses writes`, 'raise maxmemory, or free memory')
}

function judgePersistence(info: RedisInfo, save: unknown): Finding {
  const rules = Array.isArray(save) ? String(save[1]) : undefined
  const kept =
    info.get('aof_enabled') === '1'
      ? 'an append-only file'
      : rules === undefined
        ? 'unknown (CONFIG GET is not allowed)'
        : rules === ''
          ? 'nothing'
          : `snapshots (save ${rules})`
  const found = `kept on disk: ${kept}`
  const snapshot = info.get('rdb_last_bgsave_status') ?? 'ok'
  const log = info.get('aof_last_write_status') ?? 'ok'
  const disk = 'look at the log and the disk of Redis'
  if (snapshot !== 'ok') return warning(`${found}; the last snapshot failed`, disk)
  if (log !== 'ok') return warning(`${found}; the last write to the append-only file failed`, disk)
  return ok(`${found}; what Redis loses is queued again from PostgreSQL`)
}

async function write(site: Site): Promise<Finding | readonly Finding[]> {
  const redis = await site.redis()
  const value = randomBytes(4).toString('hex')
  let denied: string[]
  try {
    await redis.set(KEY, value, 'EX', SECONDS)
    denied = (await redis.eval(TRY_ALL, 1, KEY, value, SECONDS)) as string[]
  } catch (error) {
    return refused(error)
  }
  if (denied.length === 0) return ok(`a write to ${KEY} is taken, and every command is allowed`)
  return denied.map((one) => refused(isNotAllowed(one) ? new Error(`NOPERM ${one}`) : new Error(one)))
}

// Redis 6 and 7 say it in different words when it happens inside a script.
function isNotAllowed(answer: string): boolean {
  return /NOPERM|can't (?:run|access)|ACL/.test(answer)
}

function refused(error: unknown): Finding {
  const known = error instanceof AppError ? error : redisError(error)
  if (!(error instanceof AppError) && !(error instanceof Error))
    return critical(reasonOf(error), 'see the log of Redis')
  return critical(known.message, known.hint ?? 'see the log of Redis')
}
