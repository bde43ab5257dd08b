import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startProxy, type TcpProxy } from '../../lab/proxy.ts'
import type { ServiceOptions, ServiceProcess } from '../fixtures/service.ts'
import { type Laboratory, openLaboratory } from './laboratory.ts'
import { Load } from './load.ts'

/** A link that can be used again for new connections must be in use again so soon, in milliseconds. */
const MENDED_MS = 15_000
/** How long, in the longer outages, new connections get nowhere either. */
const OUTAGE_MS = 8_000

/** One of the three links: how to lead it through a proxy, and which stage speaks of it. */
interface LinkUnderTest {
  readonly name: string
  readonly stage: string
  readonly port: (laboratory: Laboratory) => number
  readonly through: (laboratory: Laboratory, proxy: TcpProxy) => Partial<ServiceOptions>
}

const LINKS: readonly LinkUnderTest[] = [
  {
    name: 'C01 PostgreSQL',
    stage: 'notifications',
    port: ({ postgres }) => postgres.port,
    through: ({ serviceUrl, postgres }, proxy) => ({
      databaseUrl: serviceUrl.replace(`:${postgres.port}/`, `:${proxy.port}/`),
    }),
  },
  {
    name: 'C50 Redis',
    stage: 'redis',
    port: ({ redis }) => redis.port,
    through: ({ redis }, proxy) => ({ redisUrl: redis.url.replace(`:${redis.port}/`, `:${proxy.port}/`) }),
  },
  {
    name: 'C75 the broker',
    stage: 'broker',
    port: ({ broker }) => broker.port,
    through: (_laboratory, proxy) => ({ brokerPort: proxy.port }),
  },
]

// Nearly all of it is waiting, so the three wait together.
t.setTimeout(300_000)
t.jobs = LINKS.length
for (const link of LINKS) {
  t.test(`${link.name}: a link that hangs without a word`, { buffered: true, timeout: 240_000 }, async (t) => {
    const laboratory = await openLaboratory(t)
    const proxy = await startProxy({ targetPort: link.port(laboratory) })
    t.teardown(() => proxy.stop())
    const service = await laboratory.start(link.through(laboratory, proxy))
    const load = await Load.open(t, laboratory)
    await load.roundTrip(15_000)
    await noticesWhileIdle(t, link, service, proxy, load)
    load.start(20)
    await load.flows(5_000)
    await mends(t, 'existing connections hang', load, async () => {
      proxy.silence({ newToo: false })
    })
    await mends(t, 'new connections hang as well, for a while', load, async () => {
      proxy.silence({ newToo: true })
      await delay(OUTAGE_MS)
      proxy.silence({ newToo: false })
    })
    await mends(t, 'new connections are refused for a while; then the old ones wake up too', load, async () => {
      proxy.silence({ newToo: true })
      await proxy.refuse()
      await delay(OUTAGE_MS)
      await proxy.pass()
    })
    await load.stop()
    await load.verify(t)
    t.notOk(
      service.lines.some(({ level }) => level === 'raw'),
      'nothing was thrown',
    )
  })
}

async function noticesWhileIdle(
  t: Test,
  link: LinkUnderTest,
  service: ServiceProcess,
  proxy: TcpProxy,
  load: Load,
): Promise<void> {
  const from = service.lines.length
  const since = performance.now()
  proxy.silence({ newToo: false })
  await service.says(link.stage, 'failing', MENDED_MS, from)
  await service.says(link.stage, 'ok', MENDED_MS, from)
  const mendedMs = performance.now() - since
  t.ok(mendedMs < MENDED_MS, `idle: noticed and mended after ${Math.round(mendedMs)} ms`)
  const tripMs = await load.roundTrip(MENDED_MS - mendedMs)
  t.ok(tripMs < MENDED_MS - mendedMs, `the next change took ${Math.round(tripMs)} ms`)
}

async function mends(t: Test, what: string, load: Load, outage: () => Promise<void>): Promise<void> {
  await outage()
  const ms = await load.flows(MENDED_MS + 5_000)
  t.ok(ms < MENDED_MS, `${what}: messages flow again after ${Math.round(ms)} ms`)
  await load.flows(5_000)
}
