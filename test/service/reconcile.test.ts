import { Redis } from 'ioredis'
import pg from 'pg'
import t, { type Test } from 'tap'
import { startPostgres } from '../../lab/postgres.ts'
import { startRedis } from '../../lab/redis.ts'
import { ChangeLog } from '../../src/capture/change-log.ts'
import { PendingChanges } from '../../src/capture/pending.ts'
import { encodeEntry } from '../../src/queue/entry.ts'
import { EventQueue } from '../../src/queue/event-queue.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { reconcile } from '../../src/reconcile.ts'
import { sampleDatabase } from '../fixtures/service.ts'

const INSTALLATION = 'here'
const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
t.teardown(() => Promise.all([postgres.kill(), redis.kill()]))
const url = await sampleDatabase(postgres, 'nemo')

/** An entry of ours, known by its payload: change, index and count. */
function entry(change: number | string, index = 0, count = 1, installation = INSTALLATION): string {
  const payload = `${change}.${index}`
  const origin = { installation, change: String(change), index, count }
  return encodeEntry({ topic: 'nemo/tools/1', payload, retain: false, entity: 'tools/1', origin, queuedAt: 1 })
}

/**
 * Compares a queue (oldest first) and what is in flight (oldest first) with a change log.
 *
 * @returns what is in the queue afterwards, the messages that are awaited for each change, and the two counts
 */
async function compare(t: Test, found: { log: readonly number[]; queue: string[]; inFlight?: string[] }) {
  const pool = new pg.Pool({ connectionString: url })
  const client = new Redis(redis.url)
  t.teardown(async () => {
    client.disconnect()
    await pool.end()
  })
  await client.flushall()
  await pool.query('truncate nemo_mqtt.change_log')
  await pool.query(
    `insert into nemo_mqtt.change_log (id, tbl, op) overriding system value
     select id, 'NEMO_tool', 'INSERT' from unnest($1::bigint[]) id`,
    [found.log],
  )
  if (found.queue.length > 0) await client.lpush(KEYS.queue, ...found.queue)
  if (found.inFlight !== undefined) await client.lpush(KEYS.inFlight, ...found.inFlight)
  const queue = await EventQueue.claim(redis.url, INSTALLATION)
  t.teardown(() => queue.close())
  const pending = new PendingChanges()
  const counts = await reconcile(queue, new ChangeLog(pool), pending, INSTALLATION)
  const left = (await client.lrange(KEYS.queue, 0, -1)).reverse()
  t.equal(await client.llen(KEYS.inFlight), 0)
  return { queue: left.map(shown), pending: pending.ids(), counts }
}

function shown(text: string): string {
  try {
    return (JSON.parse(text) as { payload: string }).payload
  } catch {
    return text
  }
}

t.test('what both have stays where it is, what was in flight before the rest', async (t) => {
  const found = await compare(t, { log: [8, 9, 10, 11], queue: [entry(10), entry(11)], inFlight: [entry(8), entry(9)] })
  t.strictSame(found.queue, ['8.0', '9.0', '10.0', '11.0'])
  t.strictSame(found.pending, ['8', '9', '10', '11'])
  t.strictSame(found.counts, { kept: 4, removed: 0 })
})

t.test('what is no longer in the log was delivered, and is removed', async (t) => {
  const found = await compare(t, { log: [12], queue: [entry(2), entry(9), entry(12)] })
  t.strictSame(found.queue, ['12.0'])
  t.strictSame(found.pending, ['12'])
})

t.test(
  'from the first change on that Redis lacks everything is to be pushed again, in the order of numbers',
  async (t) => {
    const found = await compare(t, { log: [8, 9, 10, 11, 100], queue: [entry(8), entry(10), entry(11), entry(100)] })
    t.strictSame(found.queue, ['8.0'])
    t.strictSame(found.pending, ['8'])
    t.strictSame(found.counts, { kept: 1, removed: 3 })
  },
)

t.test('digits of different length do not deceive it', async (t) => {
  // 18 and 138 were delivered and not deleted; by their first letter 138 would be the lower one.
  const found = await compare(t, { log: [14, 18, 19, 130, 138, 155], queue: [14, 19, 130, 155].map((id) => entry(id)) })
  t.strictSame(found.queue, ['14.0'])
})

t.test('what is in the log behind the last entry is for the listener and changes nothing', async (t) => {
  const found = await compare(t, { log: [1, 2, 3, 4], queue: [entry(1), entry(2)] })
  t.strictSame(found.queue, ['1.0', '2.0'])
})

t.test('a low id that was pushed late keeps its place behind the higher one', async (t) => {
  const found = await compare(t, { log: [5, 6, 7], queue: [entry(6), entry(5), entry(7)] })
  t.strictSame(found.queue, ['6.0', '5.0', '7.0'])
})

t.test('of a change that is partly delivered the rest is awaited', async (t) => {
  const pending = await compare(t, { log: [5, 6], queue: [entry(5, 1, 3), entry(5, 2, 3), entry(6)] })
  t.strictSame(pending.queue, ['5.1', '5.2', '6.0'])
  t.strictSame(pending.pending, ['5', '6'])
})

t.test('entries of other programs and of other installations stay, whatever they look like', async (t) => {
  const foreign = '{"topic":"other/x","payload":"foreign"}'
  const queue = ['no JSON', entry(1), foreign, entry(99, 0, 1, 'there'), entry(3), '[]', entry(4)]
  const found = await compare(t, { log: [2, 3, 4], queue })
  t.strictSame(found.queue, ['no JSON', 'foreign', '99.0', undefined])
  t.strictSame(found.counts, { kept: 0, removed: 3 })
})

t.test('entries that are there twice are pushed again, so that none overtakes another', async (t) => {
  const found = await compare(t, { log: [1, 2, 3, 4], queue: [1, 2, 3, 2, 4].map((id) => entry(id)) })
  t.strictSame(found.queue, ['1.0'])
  t.strictSame(found.counts, { kept: 1, removed: 4 })
})

t.test('an empty Redis, an empty log, and both', async (t) => {
  t.strictSame((await compare(t, { log: [1, 2], queue: [] })).queue, [])
  t.strictSame((await compare(t, { log: [], queue: [entry(1), entry(2, 0, 2)] })).queue, [])
  t.strictSame((await compare(t, { log: [], queue: [] })).pending, [])
})

t.test('an id that PostgreSQL cannot have does not keep the service from starting', async (t) => {
  const found = await compare(t, { log: [1], queue: [entry(1), entry('9999999999999999999')] })
  t.strictSame(found.queue, ['1.0', '9999999999999999999.0'])
  t.strictSame(found.pending, ['1'])
})

for (const [length, kept] of [
  [10_000, 4_999],
  [30_000, 0],
] as const) {
  t.test(`a queue of ${length} entries whose middle is lacking is put right in time`, async (t) => {
    const log = Array.from({ length }, (_, n) => n + 1)
    const queue = log.filter((id) => id !== length / 2).map((id) => entry(id))
    const since = performance.now()
    const found = await compare(t, { log, queue })
    t.equal(found.queue.length, kept, 'a long one is pushed again as a whole')
    t.equal(found.pending.length, kept)
    t.ok(performance.now() - since < 4_000, `${Math.round(performance.now() - since)} ms`)
  })
}
