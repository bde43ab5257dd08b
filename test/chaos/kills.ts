import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../lab/life/random.ts'
import type { World } from './world.ts'

/** Something that happens to the service or to one of the servers, and is over when the promise resolves. */
type Kill = (world: World, random: Random) => Promise<void>

const BACKENDS = `select pid from pg_stat_activity where datname = 'nemo' and pid <> pg_backend_pid()`

/** Every kind of kill, and how often it comes up. */
const KILLS: Readonly<Record<string, readonly [number, Kill]>> = {
  'service -9': [
    4,
    async ({ services }, random) => {
      const service = random.one(services)
      await service?.kill()
      await sometimes(random, 500)
      await service?.start()
    },
  ],
  'every service -9': [
    1,
    async ({ services }, random) => {
      await Promise.all(services.map((service) => service.kill()))
      await sometimes(random, 500)
      for (const service of services) await service.start()
    },
  ],
  'service SIGTERM': [
    1,
    async ({ services }, random) => {
      const service = random.one(services)
      await service?.stop()
      await service?.start()
    },
  ],
  'service frozen': [
    1,
    async ({ services }, random) => {
      const service = random.one(services)
      service?.freeze()
      await delay(random.between(100, 2_500))
      service?.thaw()
    },
  ],
  'one backend': [
    3,
    async ({ laboratory }, random) => {
      await laboratory.sql(`select pg_terminate_backend(pid) from (${BACKENDS} order by md5(pid::text || ${random.next()})
                             limit 1) one`)
    },
  ],
  'every backend of ours': [
    2,
    async ({ laboratory }) => {
      await laboratory.sql(
        `select pg_terminate_backend(pid) from (${BACKENDS} and application_name like 'nemo-mqtt%') all_`,
      )
    },
  ],
  'every backend': [
    1,
    async ({ laboratory }) => {
      await laboratory.sql(`select pg_terminate_backend(pid) from (${BACKENDS}) all_`)
    },
  ],
  'PostgreSQL -9': [
    2,
    async ({ laboratory: { postgres } }, random) => {
      await postgres.kill()
      await sometimes(random, 800)
      await postgres.start()
    },
  ],
  'PostgreSQL immediate': [
    2,
    async ({ laboratory: { postgres } }, random) => {
      if (postgres.pid !== undefined) process.kill(postgres.pid, 'SIGQUIT')
      await postgres.ended()
      await sometimes(random, 800)
      await postgres.start()
    },
  ],
  'Redis -9 with its data': [
    3,
    async ({ laboratory: { redis } }, random) => {
      await redis.kill()
      await sometimes(random, 800)
      await redis.start()
    },
  ],
  'Redis -9 without its data': [
    3,
    async ({ laboratory: { redis } }, random) => {
      await redis.kill()
      redis.forgetData()
      await sometimes(random, 800)
      await redis.start()
    },
  ],
  'Redis -9, an older copy comes back': [
    2,
    async (world, random) => {
      const putBack = await world.redisBackup(random)
      await delay(random.between(50, 1_000))
      await world.laboratory.redis.kill()
      putBack()
      await world.laboratory.redis.start()
    },
  ],
  FLUSHALL: [
    4,
    async ({ laboratory: { redis } }) => {
      await redis.command('FLUSHALL')
    },
  ],
  'broker -9': [
    4,
    async (world, random) => {
      await world.settled()
      await world.brokerDies()
      await sometimes(random, 800)
      await world.laboratory.broker.start()
    },
  ],
  'Redis and service -9': [
    1,
    async ({ laboratory: { redis }, services }, random) => {
      const service = random.one(services)
      await Promise.all([redis.kill(), service?.kill()])
      if (random.chance(0.5)) redis.forgetData()
      await Promise.all([redis.start(), service?.start()])
    },
  ],
  'PostgreSQL and Redis -9': [
    1,
    async ({ laboratory: { redis, postgres } }, random) => {
      await Promise.all([redis.kill(), postgres.kill()])
      if (random.chance(0.5)) redis.forgetData()
      await Promise.all([redis.start(), postgres.start()])
    },
  ],
}

const DRAWN = Object.entries(KILLS).flatMap(([name, [weight]]) => Array<string>(weight).fill(name))

/** The names of so many kills: every kind at least once if there are enough, else as drawn. */
export function drawKills(count: number, random: Random): string[] {
  const names = Object.keys(KILLS).slice(0, count)
  while (names.length < count) names.push(random.one(DRAWN) ?? '')
  // A fair shuffle (Fisher and Yates).
  for (let last = names.length - 1; last > 0; last -= 1) {
    const other = random.between(0, last)
    const [a = '', b = ''] = [names[last], names[other]]
    names[last] = b
    names[other] = a
  }
  return names
}

/** Does it. */
export async function kill(name: string, world: World, random: Random): Promise<void> {
  const found = KILLS[name]
  if (found === undefined) throw new Error(`no such kill: ${name}`)
  await found[1](world, random)
}

async function sometimes(random: Random, mostMs: number): Promise<void> {
  if (random.chance(0.5)) await delay(random.between(0, mostMs))
}
