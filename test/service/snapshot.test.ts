import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { until } from '../../lab/wait.ts'
import { delivered, type Laboratory, openLaboratory } from './laboratory.ts'
import { Load } from './load.ts'

t.setTimeout(300_000)

t.test(
  'C44 under a snapshot that is held for a minute latency stays, and the table is as small as before',
  async (t) => {
    const PER_SECOND = 200
    const HELD_MS = 60_000
    const laboratory = await openLaboratory(t, { postgres: { autovacuum_naptime: '1s' } })
    const { databaseUrl, sql, subscriber } = laboratory
    await laboratory.start()
    const load = await Load.open(t, laboratory)
    await load.roundTrip(15_000)
    const holder = new pg.Client({ connectionString: databaseUrl })
    await holder.connect()
    await holder.query('begin isolation level repeatable read')
    await holder.query('select count(*) from nemo_mqtt.change_log')
    const writtenAt = await writeSteadily(t, databaseUrl, PER_SECOND, HELD_MS)
    await delivered(laboratory)
    const latencies = latenciesOf(laboratory, writtenAt)
    t.equal(latencies.length, writtenAt.size)
    const p95 = latencies[Math.floor(latencies.length * 0.95)] ?? Number.POSITIVE_INFINITY
    t.ok(p95 < 1_000, `${writtenAt.size} changes: p50 ${median(latencies)} ms, p95 ${Math.round(p95)} ms`)
    const late = latenciesOf(laboratory, new Map([...writtenAt].slice(-2_000)))
    const p95AtTheEnd = late[Math.floor(late.length * 0.95)] ?? Number.POSITIVE_INFINITY
    t.ok(p95AtTheEnd < 1_000, `of the last 2,000: p95 ${Math.round(p95AtTheEnd)} ms`)

    const bytes = async (): Promise<number> =>
      Number((await sql(`select pg_total_relation_size('nemo_mqtt.change_log') as n`))[0]?.n)
    const atRelease = await bytes()
    await holder.query('commit')
    await holder.end()
    await writeSteadily(t, databaseUrl, PER_SECOND, 15_000)
    await delivered(laboratory)
    const after = await bytes()
    t.ok(
      after <= atRelease * 1.1,
      `${atRelease} bytes at the release, ${after} after another ${15 * PER_SECOND} changes`,
    )
    const dead = `select n_dead_tup::int as n from pg_stat_user_tables where relname = 'change_log'`
    await until(async () => Number((await sql(dead))[0]?.n) < 2_000, { deadlineMs: 20_000, what: 'vacuum to catch up' })
    t.ok(subscriber.messages.length > 0)
  },
)

/** Writes so many changes a second; gives when each was committed, in milliseconds since 1970. */
async function writeSteadily(t: Test, url: string, perSecond: number, ms: number): Promise<Map<string, number>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const writtenAt = new Map<string, number>()
  const since = performance.now()
  for (let n = 0; n < (ms / 1_000) * perSecond; n += 1) {
    const early = (n * 1_000) / perSecond - (performance.now() - since)
    if (early > 1) await delay(early)
    const token = `${Math.round(since)} ${n}`
    await client.query('update "NEMO_tool" set category = $2 where id = $1', [1 + (n % 5), token])
    writtenAt.set(token, performance.timeOrigin + performance.now())
  }
  await client.end()
  t.comment(`${writtenAt.size} changes in ${Math.round(performance.now() - since)} ms`)
  return writtenAt
}

/** Milliseconds from commit to arrival, least first. */
function latenciesOf({ subscriber }: Laboratory, writtenAt: ReadonlyMap<string, number>): number[] {
  const latencies: number[] = []
  for (const { parsed, receivedAt } of subscriber.messages) {
    const at = writtenAt.get((parsed as { category?: string } | undefined)?.category ?? '')
    if (at !== undefined) latencies.push(receivedAt - at)
  }
  return latencies.sort((a, b) => a - b)
}

function median(sorted: readonly number[]): number {
  return Math.round((sorted[Math.floor(sorted.length / 2)] ?? 0) * 10) / 10
}
