import { rmSync } from 'node:fs'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type RedisServer, startRedis } from '../../lab/redis.ts'
import { until } from '../../lab/wait.ts'
import { COMMANDS, KEYS } from '../../src/queue/keys.ts'
import { withRedis } from '../service/laboratory.ts'
import { FaultRig } from './fault-rig.ts'

t.setTimeout(120_000)

const rig = await FaultRig.open(t)
const { laboratory } = rig

/** A Redis that the service does not use, so that faults in it are nobody else's. */
async function other(t: Test, arguments_: readonly string[] = []): Promise<RedisServer> {
  const redis = await startRedis({ arguments: arguments_ })
  t.teardown(() => redis.kill())
  return redis
}

t.test('C54 MISCONF: snapshots fail, so writes are refused', async (t) => {
  const redis = await other(t, ['--save', '3600 1'])
  await withRedis(redis, async (client) => {
    const [, folder] = (await client.config('GET', 'dir')) as [string, string]
    rmSync(folder, { recursive: true })
    await client.set('x', 'y')
    await client.bgsave().catch(() => undefined)
    await until(async () => (await client.info('persistence')).includes('bgsave_status:err'), { what: 'a failed save' })
  })
  const expected = { code: 'REDIS_WRITE', found: /MISCONF/, todo: /cannot write its snapshot/ } as const
  await rig.names(t, expected, { redisUrl: redis.url })
})

t.test('C55 OOM: Redis is at its maxmemory', async (t) => {
  const redis = await other(t, ['--maxmemory', '1mb'])
  const expected = { code: 'REDIS_WRITE', found: /OOM/, todo: /maxmemory: raise it/ } as const
  await rig.names(t, expected, { redisUrl: redis.url })
})

t.test('C55 Redis is near its maxmemory', async (t) => {
  const redis = await other(t)
  await withRedis(redis, (client) => client.set('much', 'x'.repeat(30_000_000)))
  await withRedis(redis, async (client) => {
    const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
    await client.config('SET', 'maxmemory', String(Math.round(used * 1.06)))
  })
  const expected = { code: 'REDIS_EVICTION', level: 'warning', found: /9\d % of maxmemory/ } as const
  await rig.names(t, expected, { redisUrl: redis.url })
})

t.test('a policy that throws lists away', async (t) => {
  const redis = await other(t, ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'])
  const expected = { code: 'REDIS_EVICTION', level: 'warning', found: /allkeys-lru Redis may throw our lists/ } as const
  await rig.names(t, expected, { redisUrl: redis.url })
})

t.test('READONLY: a replica', async (t) => {
  const redis = await other(t, ['--replicaof', '127.0.0.1', String(laboratory.redis.port)])
  const expected = { code: 'REDIS_WRITE', found: /READONLY/, todo: /replica: point NEMO_MQTT_REDIS_URL/ } as const
  await rig.names(t, expected, { redisUrl: redis.url })
})

const HIDDEN = ['REDIS_VERSION', 'REDIS_EVICTION', 'REDIS_PERSISTENCE', 'QUEUE_OWNER', 'CLOCKS'] as const

/** A Redis with a user of limited rights; gives its URL. */
async function limited(t: Test, rights: readonly string[]): Promise<string> {
  const redis = await other(t)
  await withRedis(redis, (client) => client.call('ACL', 'SETUSER', 'app', 'on', '>secret', ...rights))
  return redis.url.replace('redis://', 'redis://app:secret@')
}

t.test('C58 NOPERM: the missing command is named', async (t) => {
  const url = await limited(t, ['~nemo_mqtt_*', ...COMMANDS.split(' '), '-rpoplpush'])
  const since = performance.now()
  const todo = /\+rpoplpush/
  await rig.names(t, { code: 'REDIS_WRITE', found: /NOPERM rpoplpush/, todo, unknown: HIDDEN }, { redisUrl: url })
  t.ok(performance.now() - since < 10_000)
})

t.test('C58 NOPERM: keys of ours are not allowed', async (t) => {
  const url = await limited(t, ['~nemo_mqtt_events*', ...COMMANDS.split(' ')])
  const [version, eviction, persistence, ...rest] = HIDDEN
  const unknown = [version, eviction, persistence, 'PARKED', ...rest] as const
  await rig.names(t, { code: 'REDIS_WRITE', found: /NOPERM/, todo: /~nemo_mqtt_\*/, unknown }, { redisUrl: url })
})

t.test('C58 with the rights of the README nothing is blamed, and what needs more is said', async (t) => {
  const url = await limited(t, ['~nemo_mqtt_*', ...COMMANDS.split(' ')])
  const { results, level } = await rig.check({ redisUrl: url })
  t.equal(level, 'unknown')
  const open = results.filter((result) => result.level !== 'ok')
  t.strictSame(
    open.map(({ code }) => code),
    HIDDEN,
  )
  for (const { todo } of open) t.match(todo, /allow the Redis user \+/)
})

t.test('a wrong password, and nobody there', async (t) => {
  const redis = await other(t)
  await withRedis(redis, (client) => client.config('SET', 'requirepass', 'right'))
  const url = redis.url.replace('redis://', 'redis://:wrong-password@')
  const wrong = await rig.names(t, { code: 'REDIS_REACHABLE', found: /WRONGPASS/, todo: /password/ }, { redisUrl: url })
  t.notMatch(wrong.found, /wrong-password/)
  await rig.names(t, { code: 'REDIS_REACHABLE', found: /NOAUTH/, todo: /password/ }, { redisUrl: redis.url })
  await redis.stop()
  await rig.names(t, { code: 'REDIS_REACHABLE', found: /ECONNREFUSED/, todo: /start Redis/ }, { redisUrl: redis.url })
})

t.test('the database number', async (t) => {
  const url = laboratory.redis.url.replace(/1$/, '')
  const found = /which every program uses/
  await rig.names(t, { code: 'REDIS_DATABASE', level: 'warning', found }, { redisUrl: `${url}0` })
  await rig.names(t, { code: 'REDIS_DATABASE', found: /out of range/ }, { redisUrl: `${url}99` })
})

t.test('an old bridge of the plugin takes from the list', async (t) => {
  const bridge = new Redis(laboratory.redis.url)
  bridge.blpop(KEYS.queue, 0).catch(() => undefined)
  const isBlocked = async (): Promise<boolean> =>
    await withRedis(laboratory.redis, async (client) => String(await client.client('LIST')).includes('cmd=blpop'))
  await until(isBlocked, { what: 'the old bridge to wait' })
  try {
    await rig.names(t, { code: 'QUEUE_OWNER', found: /takes entries.*blpop/, todo: /old bridge of the Python plugin/ })
  } finally {
    bridge.disconnect()
  }
})

t.test('another installation works on the list', async (t) => {
  const redis = await other(t)
  await withRedis(redis, async (client) => {
    await client.mset(KEYS.owner, 'elsewhere 0123', KEYS.status, 'connected')
  })
  const expected = { code: 'QUEUE_OWNER', found: /installation elsewhere/, todo: /database of its own/ } as const
  await rig.names(t, expected, { redisUrl: redis.url })
})

t.test('old entries and parked messages', async (t) => {
  const redis = await other(t)
  await withRedis(redis, (client) => client.lpush(KEYS.parked, '{}'))
  const parked = { code: 'PARKED', level: 'warning', found: /1 messages cannot be published/ } as const
  await rig.names(t, parked, { redisUrl: redis.url })
  const entry = JSON.stringify({ topic: 'a', payload: 'b', timestamp: Date.now() / 1_000 - 700 })
  await withRedis(redis, async (client) => {
    await client.del(KEYS.parked)
    await client.lpush(KEYS.queue, entry)
  })
  await rig.names(t, { code: 'QUEUE', found: /1 messages wait, the oldest for 70\d s/ }, { redisUrl: redis.url })
  await withRedis(redis, (client) => client.rename(KEYS.queue, KEYS.inFlight))
  await rig.names(t, { code: 'IN_FLIGHT', found: /without acknowledgement wait/ }, { redisUrl: redis.url })
})

t.test('nothing is written but one key, and that soon ends', async (t) => {
  const redis = await other(t)
  await rig.check({ redisUrl: redis.url })
  await withRedis(redis, async (client) => {
    t.strictSame(await client.keys('*'), ['nemo_mqtt_check'])
    const left = await client.ttl('nemo_mqtt_check')
    t.ok(left > 0 && left <= 5, `${left} s`)
  })
})
