import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { startProxy } from '../../lab/proxy.ts'
import { until } from '../../lab/wait.ts'
import { KEYS } from '../../src/queue/keys.ts'
import type { ServiceProcess } from '../fixtures/service.ts'
import { delivered, type Laboratory, openLaboratory, withRedis } from './laboratory.ts'
import { Load } from './load.ts'

t.setTimeout(600_000)

/** Resident memory, in megabytes. */
function rssMb({ pid }: ServiceProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024
}

/** Looks at the memory of a process until the function that is returned is called, which gives the most it was. */
function watchMemory(service: ServiceProcess): () => number {
  let most = rssMb(service)
  const timer = setInterval(() => {
    if (service.isRunning) most = Math.max(most, rssMb(service))
  }, 100)
  return () => {
    clearInterval(timer)
    return most
  }
}

async function changesInLog({ sql }: Laboratory): Promise<number> {
  return Number((await sql('select count(*)::int as n from nemo_mqtt.change_log'))[0]?.n)
}

async function queued({ redis }: Laboratory): Promise<number> {
  return await withRedis(redis, (client) => client.llen(KEYS.queue))
}

/** The numbers in the titles of the tasks that arrived, in the order of their first arrival. */
function arrivedTasks({ subscriber }: Laboratory): number[] {
  const seen = new Set<number>()
  for (const { topic, payload } of subscriber.messages) {
    if (topic.endsWith('/tasks')) seen.add(Number(/"problem_description":"task (\d+)/.exec(payload)?.[1]))
  }
  return [...seen]
}

function insertTasks(count: number): string {
  return `insert into "NEMO_task" (tool_id, creator_id, problem_description)
          select 1 + n % 5, 3, 'task ' || n || repeat(' and so on', 20) from generate_series(1, ${count}) n`
}

t.test(
  'C60 C69 a hundred thousand changes while Redis, and then the broker, is away: they wait in PostgreSQL',
  async (t) => {
    const COUNT = 100_000
    const laboratory = await openLaboratory(t)
    const { sql, redis, broker } = laboratory
    const service = await laboratory.start()
    const load = await Load.open(t, laboratory)
    for (let n = 0; n < 200; n += 1) await load.write()
    await load.verify(t)
    const idleMb = rssMb(service)

    await redis.kill()
    let most = watchMemory(service)
    await sql(insertTasks(COUNT))
    await delay(4_000)
    t.ok(most() - idleMb < 30, `without Redis: ${Math.round(idleMb)} MB, then at most ${Math.round(most())} MB`)
    t.equal(await changesInLog(laboratory), COUNT)

    await broker.kill()
    await redis.start()
    most = watchMemory(service)
    await until(async () => (await queued(laboratory)) >= 10_000, { deadlineMs: 20_000, what: 'the queue to be full' })
    await delay(4_000)
    t.ok((await queued(laboratory)) < 12_000, 'the queue keeps its bound, but for one batch')
    t.equal(await changesInLog(laboratory), COUNT)
    t.ok(most() - idleMb < 70, `without a broker: at most ${Math.round(most())} MB`)

    await broker.start()
    most = watchMemory(service)
    await delivered(laboratory, 120_000)
    t.ok(most() - idleMb < 100, `while all of it goes out: at most ${Math.round(most())} MB`)
    const arrived = arrivedTasks(laboratory)
    t.equal(arrived.length, COUNT)
    for (let tool = 1; tool <= 5; tool += 1) {
      const ofTool = arrived.filter((n) => 1 + (n % 5) === tool)
      t.ok(
        ofTool.every((n, place) => place === 0 || n > (ofTool[place - 1] ?? 0)),
        `tool ${tool} in order`,
      )
    }
  },
)

t.test('C17 fifteen thousand quick transactions while Redis is slow: all come out, in constant memory', async (t) => {
  const laboratory = await openLaboratory(t)
  const { redis, databaseUrl, subscriber } = laboratory
  const proxy = await startProxy({ targetPort: redis.port })
  t.teardown(() => proxy.stop())
  proxy.delay(5)
  const redisUrl = redis.url.replace(`:${redis.port}/`, `:${proxy.port}/`)
  const service = await laboratory.start({ redisUrl })
  await service.says('bridge', 'ok')
  const idleMb = rssMb(service)
  const most = watchMemory(service)
  const WRITERS = 3
  const EACH = 5_000
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeQuickly(databaseUrl, writer + 1, EACH)))
  await delivered(laboratory, 60_000)
  t.ok(most() - idleMb < 100, `${Math.round(idleMb)} MB, then at most ${Math.round(most())} MB`)
  for (let tool = 1; tool <= WRITERS; tool += 1) {
    const categories = subscriber.messages
      .filter(({ topic }) => topic === `nemo/tools/${tool}`)
      .map(({ parsed }) => Number((parsed as { category: string }).category))
    t.strictSame(
      categories,
      Array.from({ length: EACH }, (_, n) => n),
      `tool ${tool}: all, in order, once each`,
    )
  }
})

async function writeQuickly(databaseUrl: string, tool: number, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  for (let n = 0; n < count; n += 1) {
    await client.query('update "NEMO_tool" set category = $2 where id = $1', [tool, n])
  }
  await client.end()
}
