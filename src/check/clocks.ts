import { type Finding, NotTried, ok, unknown, warning } from './finding.ts'
import { allowed } from './redis-connection.ts'
import type { Site } from './site.ts'

const SKEW_S = 5

/** Compares the clocks of PostgreSQL and Redis with ours, as far as they can be asked. */
export async function checkClocks(site: Site): Promise<Finding | readonly Finding[]> {
  const database = await site.database().catch(() => undefined)
  const redis = await site.redis().catch(() => undefined)
  if (database === undefined && redis === undefined) throw new NotTried('DB_REACHABLE')
  const skews: Array<readonly [string, number | undefined]> = []
  if (database !== undefined) {
    const ask = async (): Promise<number> => {
      const { rows } = await database.pool.query('select extract(epoch from clock_timestamp()) as now')
      return Number(rows[0]?.now)
    }
    skews.push(['PostgreSQL', await skewOf(ask)])
  }
  if (redis !== undefined) {
    const ask = async (): Promise<number | undefined> => {
      const time = await allowed(redis.time())
      return time === undefined ? undefined : Number(time[0]) + Number(time[1]) / 1e6
    }
    skews.push(['Redis', await skewOf(ask)])
  }
  const wrong = skews.filter(([, skew]) => skew !== undefined && Math.abs(skew) > SKEW_S)
  if (wrong.length > 0) {
    return wrong.map(([whose, skew = 0]) => {
      const how = `${Math.abs(Math.round(skew))} s ${skew > 0 ? 'ahead of' : 'behind'}`
      return warning(`the clock of ${whose} is ${how} that of this machine`, 'set the clocks by NTP: timedatectl')
    })
  }
  const known = skews.filter(([, skew]) => skew !== undefined)
  const text = known.map(([whose, skew = 0]) => `${whose} ${skew.toFixed(1)} s`).join(', ')
  if (known.length < skews.length) return unknown('the clock of Redis cannot be asked', 'allow the Redis user +time')
  return ok(`the clocks agree: ${text}`)
}

// The answer was made somewhere between question and answer; half way is as good a guess as any.
async function skewOf(ask: () => Promise<number | undefined>): Promise<number | undefined> {
  const before = Date.now()
  const theirs = await ask()
  return theirs === undefined ? undefined : theirs - (before + Date.now()) / 2_000
}
