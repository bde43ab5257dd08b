import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startProxy } from '../../lab/proxy.ts'
import { until } from '../../lab/wait.ts'
import type { ServiceOptions, ServiceProcess } from '../fixtures/service.ts'
import { type Laboratory, openLaboratory } from './laboratory.ts'
import { Load } from './load.ts'

t.setTimeout(300_000)
// Nearly all of it is waiting.
t.jobs = 3

/** A laboratory in which the first service is active, the second one waits, and NEMO writes 20 changes a second. */
async function open(t: Test, first: (laboratory: Laboratory) => Promise<Partial<ServiceOptions>> = async () => ({})) {
  const laboratory = await openLaboratory(t)
  const active = await laboratory.start(await first(laboratory))
  await active.says('bridge', 'ok')
  const standby = await laboratory.start()
  await standby.says('lease', 'waiting')
  const load = await Load.open(t, laboratory)
  load.start(20)
  await load.flows(5_000)
  return { laboratory, active, standby, load }
}

/** The retained state of the bridge, as a subscriber sees it that comes now. */
async function bridgeState({ subscriber }: Laboratory): Promise<string | undefined> {
  return subscriber.messages.findLast(({ topic }) => topic === 'nemo/bridge/state')?.payload
}

/** Ends the load and holds what arrived against what was committed. */
async function verify(t: Test, laboratory: Laboratory, load: Load, services: readonly ServiceProcess[]): Promise<void> {
  await load.stop()
  await load.verify(t)
  t.equal(await bridgeState(laboratory), 'online', 'people are told that the bridge is online')
  const thrown = services.flatMap(({ lines }) => lines.filter(({ level }) => level === 'raw'))
  t.strictSame(thrown, [], 'nothing was thrown')
}

t.test('C110 the second one takes over when the first is killed, and leaves no trace of it to clean up', async (t) => {
  const { laboratory, active, standby, load } = await open(t)
  await active.kill()
  const ms = await load.flows(15_000)
  t.ok(ms < 10_000, `after ${Math.round(ms)} ms`)
  await active.start()
  await active.says('lease', 'waiting', 15_000, active.lines.length)
  await standby.kill()
  t.ok((await load.flows(15_000)) < 10_000, 'and back')
  await verify(t, laboratory, load, [active, standby])
})

t.test('it takes over at once when the first is told to stop', async (t) => {
  const { laboratory, active, standby, load } = await open(t)
  const stopping = active.stop()
  const ms = await load.flows(15_000)
  t.ok(ms < 5_000, `after ${Math.round(ms)} ms`)
  await stopping
  t.equal(active.outcome, 0)
  await verify(t, laboratory, load, [active, standby])
})

t.test('a short freeze changes nothing', async (t) => {
  const { laboratory, active, standby, load } = await open(t)
  active.freeze()
  await delay(4_000)
  active.thaw()
  t.ok((await load.flows(5_000)) < 2_000)
  t.notOk(standby.lines.some(({ stage, state }) => stage === 'lease' && state === 'ok'))
  await verify(t, laboratory, load, [active, standby])
})

// A frozen process keeps its connections, and with them the lock. Twenty seconds of silence end its session: long
// enough that its broker has closed its link by then, so that it cannot send what it still has in memory.
t.test('it takes over from a first that stays frozen, and the first does not disturb when it thaws', async (t) => {
  const { laboratory, active, standby, load } = await open(t)
  active.freeze()
  const ms = await load.flows(40_000)
  t.ok(ms > 15_000 && ms < 30_000, `after ${Math.round(ms)} ms`)
  active.thaw()
  await active.says('lease', 'waiting', 15_000, active.lines.length)
  await delay(3_000)
  t.ok((await load.flows(5_000)) < 2_000)
  await verify(t, laboratory, load, [active, standby])
})

t.test('one that is frozen in the middle of a burst and loses the lock sends nothing old when it thaws', async (t) => {
  const { laboratory, active, standby, load } = await open(t)
  const { subscriber, sql } = laboratory
  let [first, second] = [active, standby]
  for (let round = 1; round <= 3; round += 1) {
    const before = subscriber.messages.length
    await load.writeMany(1, 900)
    await until(() => subscriber.messages.length > before + 50, { everyMs: 1, what: 'the burst to begin' })
    first.freeze()
    await sql(`select pg_terminate_backend(l.pid) from pg_locks l where locktype = 'advisory' and granted`)
    await load.flows(15_000, 1) // behind all of the burst, and sooner than any deadline would end the first's link
    const from = first.lines.length
    first.thaw()
    await first.says('lease', 'waiting', 15_000, from)
    await delay(1_000)
    ;[first, second] = [second, first]
  }
  await verify(t, laboratory, load, [active, standby])
})

t.test('both hold their places when the session with the lock is ended again and again', async (t) => {
  const { laboratory, active, standby, load } = await open(t)
  for (let n = 0; n < 8; n += 1) {
    await laboratory.sql(`select pg_terminate_backend(l.pid) from pg_locks l where locktype = 'advisory' and granted`)
    await load.writeMany(2, 200)
    await load.flows(15_000)
    await delay(n * 150)
  }
  await verify(t, laboratory, load, [active, standby])
})

t.test(
  'the machine of the first vanishes: the second takes over, and the late will does not have the last word',
  async (t) => {
    const proxies: Array<{ silence: (which: { newToo: boolean }) => void }> = []
    const { laboratory, active, standby, load } = await open(t, async ({ postgres, redis, broker, serviceUrl }) => {
      const [toPostgres, toRedis, toBroker] = await Promise.all(
        [postgres, redis, broker].map(({ port }) => startProxy({ targetPort: port })),
      )
      if (toPostgres === undefined || toRedis === undefined || toBroker === undefined) throw new Error('no proxy')
      for (const proxy of [toPostgres, toRedis, toBroker]) {
        t.teardown(() => proxy.stop())
        proxies.push(proxy)
      }
      return {
        databaseUrl: serviceUrl.replace(`:${postgres.port}/`, `:${toPostgres.port}/`),
        redisUrl: redis.url.replace(`:${redis.port}/`, `:${toRedis.port}/`),
        brokerPort: toBroker.port,
      }
    })
    for (const proxy of proxies) proxy.silence({ newToo: true })
    // The proxies' systems still answer the servers' keep-alive probes, which those of a vanished machine would not.
    await laboratory.sql(`select pg_terminate_backend(l.pid) from pg_locks l where locktype = 'advisory' and granted`)
    const ms = await load.flows(15_000)
    t.ok(ms < 10_000, `after ${Math.round(ms)} ms`)
    await laboratory.subscriber.waitFor(({ payload }) => payload === 'lost', 30_000)
    await until(async () => (await bridgeState(laboratory)) === 'online', {
      deadlineMs: 20_000,
      what: 'the retained state to be online again',
    }).catch((error: unknown) => t.fail(String(error)))
    await active.kill()
    await verify(t, laboratory, load, [standby])
  },
)
