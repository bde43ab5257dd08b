import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { Random } from '../../lab/life/random.ts'
import { until } from '../../lab/wait.ts'
import { judge } from '../chaos/judge.ts'
import { delivered, type Laboratory, openLaboratory } from './laboratory.ts'
import { Load } from './load.ts'

t.setTimeout(300_000)

/** One transaction of NEMO that changes one tool, step by step. */
class Transaction {
  readonly #client: pg.Client

  constructor(client: pg.Client) {
    this.#client = client
  }

  /** Begins, and takes a transaction number but no id of a change. */
  async begin(): Promise<void> {
    await this.#client.query('begin')
    await this.#client.query('select txid_current()')
  }

  /** Changes the tool, in a new transaction unless one has begun: the change has its id now, and nobody sees it. */
  async change(tool: number, category: string): Promise<void> {
    if (this.#client.getTransactionStatus() !== 'T') await this.#client.query('begin')
    await this.#client.query('update "NEMO_tool" set category = $2 where id = $1', [tool, category])
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    await this.#client.query(how)
  }
}

async function transactions(t: Test, { databaseUrl }: Laboratory, count: number): Promise<Transaction[]> {
  const clients = Array.from({ length: count }, () => new pg.Client({ connectionString: databaseUrl }))
  for (const client of clients) client.on('error', () => undefined)
  await Promise.all(clients.map((client) => client.connect()))
  t.teardown(() => Promise.all(clients.map((client) => client.end())))
  return clients.map((client) => new Transaction(client))
}

async function open(t: Test) {
  const laboratory = await openLaboratory(t)
  await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000, 6)
  return laboratory
}

/** Waits until it has arrived; gives the milliseconds since `since`. */
async function arrives({ subscriber }: Laboratory, category: string, since = performance.now()): Promise<number> {
  await subscriber.waitFor(({ payload }) => payload.includes(`"${category}"`), 5_000)
  return performance.now() - since
}

function categories({ subscriber }: Laboratory, tool: number): unknown[] {
  const ofTool = subscriber.messages.filter(({ topic }) => topic === `nemo/tools/${tool}`)
  return ofTool.map(({ parsed }) => (parsed as { category: unknown }).category)
}

t.test('C40 a low id that is committed late comes within 2 s, and before later changes of its row', async (t) => {
  const laboratory = await open(t)
  const [one, two, three] = await transactions(t, laboratory, 3)
  if (one === undefined || two === undefined || three === undefined) throw new Error('no transactions')
  await one.change(1, 'one')
  for (const category of ['two', 'two again']) {
    await two.change(2, category)
    await two.end('commit')
    await arrives(laboratory, category)
  }
  const since = performance.now()
  await one.end('commit')
  await three.change(1, 'three')
  await three.end('commit')
  const ms = await arrives(laboratory, 'one', since)
  t.ok(ms < 2_000, `after ${Math.round(ms)} ms`)
  await arrives(laboratory, 'three')
  t.strictSame(categories(laboratory, 1), ['one', 'three'])
  await delivered(laboratory)
})

t.test('C40 the same when the one that commits first has the lowest number', async (t) => {
  const laboratory = await open(t)
  const [low, middle, high] = await transactions(t, laboratory, 3)
  if (low === undefined || middle === undefined || high === undefined) throw new Error('no transactions')
  await low.begin()
  await middle.change(3, 'middle')
  await high.change(1, 'high')
  await low.change(2, 'low')
  await low.end('commit')
  await arrives(laboratory, 'low')
  await delay(2_500) // it looks at the log twice and more
  await high.end('commit')
  t.ok((await arrives(laboratory, 'high')) < 2_000)
  await middle.end('commit')
  t.ok((await arrives(laboratory, 'middle')) < 2_000)
})

t.test(
  'C40 two hundred random interleavings: what was committed is published, in its order, and nothing else',
  async (t) => {
    const laboratory = await open(t)
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000))
    t.comment(`SEED=${seed}`)
    const random = new Random(seed)
    const open_ = await transactions(t, laboratory, 4)
    const expected = new Map<string, string[]>()
    for (let n = 0; n < 200; n += 1) {
      const begun: Array<{ readonly one: Transaction; readonly tool: number; readonly category: string }> = []
      for (const [index, one] of open_.entries()) {
        if (random.chance(0.2)) continue
        const [tool, category] = [index + 1, `${n}.${index}`]
        await one.change(tool, category)
        begun.push({ one, tool, category })
        if (random.chance(0.3)) await delay(random.between(0, 6))
      }
      while (begun.length > 0) {
        const [next] = begun.splice(random.between(0, begun.length - 1), 1)
        if (next === undefined) break
        const how = random.chance(0.3) ? 'rollback' : 'commit'
        await next.one.end(how)
        const entity = `tools/${next.tool}`
        if (how === 'commit') expected.set(entity, [...(expected.get(entity) ?? []), `tool_updated ${next.category}`])
        if (random.chance(0.3)) await delay(random.between(0, 6))
      }
    }
    await delivered(laboratory)
    const arrived = laboratory.subscriber.messages.filter(({ topic }) => /^nemo\/tools\/[1-4]$/.test(topic))
    const verdict = judge(expected, arrived, () => '')
    t.strictSame(verdict.faults, [], `${verdict.events} changes`)
    t.equal(verdict.repeats, 0, 'and each once')
  },
)

t.test('C41 after rollbacks, a sequence in tens and a crash the next change comes within 2 s', async (t) => {
  const laboratory = await open(t)
  const { sql, postgres } = laboratory
  const [one] = await transactions(t, laboratory, 1)
  for (let n = 0; n < 300; n += 1) {
    await one?.change(1, `never ${n}`)
    await one?.end('rollback')
  }
  await sql('alter table nemo_mqtt.change_log alter column id set increment by 10')
  const load = await Load.open(t, laboratory)
  const ms = await load.roundTrip(5_000, 2)
  t.ok(ms < 2_000, `after ${Math.round(ms)} ms`)
  await postgres.kill()
  await postgres.start()
  const since = performance.now()
  await sql(`update "NEMO_tool" set category = 'after the crash' where id = 3`)
  await arrives(laboratory, 'after the crash')
  t.ok(performance.now() - since < 5_000, `after ${Math.round(performance.now() - since)} ms`)
  await delivered(laboratory)
})

t.test('C93 C96 later edits of ended usages say nothing; an end in the future says it at once, and once', async (t) => {
  const laboratory = await open(t)
  const { sql, subscriber } = laboratory
  await sql(`
    set nemo_mqtt.capture = off;
    insert into "NEMO_usageevent" (id, tool_id, user_id, operator_id, project_id, start, "end", has_ended)
      select n, 5, 3, 3, 1, now() - interval '2 h', now() - interval '1 h', n from generate_series(1, 500) n`)
  await sql(`insert into "NEMO_usageevent" (id, tool_id, user_id, operator_id, project_id) values (501, 5, 4, 4, 1)`)
  const ofTool = (): string[] =>
    subscriber.messages.filter(({ topic }) => /^nemo\/tools\/5\//.test(topic)).map(({ topic }) => topic.slice(13))
  await until(() => ofTool().length === 1, { what: 'the start' })
  await sql('update "NEMO_usageevent" set project_id = 2 where "end" is not null')
  await sql(`update "NEMO_usageevent" set validated = true, waived = true, run_data = '{}', note = 'x' where id <= 500`)
  await sql(
    `update "NEMO_usageevent" set start = start - interval '1 min', "end" = "end" - interval '1 min' where id = 7`,
  )
  await sql(`update "NEMO_usageevent" set "end" = now() + interval '15 min' where id = 501`)
  await until(() => ofTool().includes('end'), { deadlineMs: 3_000, what: 'the end' })
  await delivered(laboratory)
  t.strictSame(ofTool(), ['start', 'usage', 'end'])
})
