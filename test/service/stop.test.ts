import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { until } from '../../lab/wait.ts'
import type { ServiceProcess } from '../fixtures/service.ts'
import { type Laboratory, leftOver, openLaboratory } from './laboratory.ts'
import { Load } from './load.ts'

/** A stop may take so long, in milliseconds; systemd would wait longer. */
const STOP_MS = 5_000

t.setTimeout(300_000)
t.jobs = 2

/** Sends SIGTERM; gives how the process ended and after how many milliseconds. */
async function stop(service: ServiceProcess): Promise<{ code: number | NodeJS.Signals; ms: number }> {
  const since = performance.now()
  if (service.pid !== undefined) process.kill(service.pid, 'SIGTERM')
  const code = await service.ended(20_000)
  return { code, ms: performance.now() - since }
}

async function stopsInTime(t: Test, what: string, service: ServiceProcess): Promise<void> {
  const { code, ms } = await stop(service)
  t.equal(code, 0, what)
  t.ok(ms < STOP_MS, `${what}: after ${Math.round(ms)} ms`)
  t.strictSame(
    service.lines.filter(({ level }) => level === 'raw'),
    [],
    'nothing was thrown',
  )
}

async function laboratoryWithLoad(t: Test): Promise<{ laboratory: Laboratory; load: Load; service: ServiceProcess }> {
  const laboratory = await openLaboratory(t)
  const service = await laboratory.start()
  const load = await Load.open(t, laboratory)
  await load.roundTrip(15_000)
  return { laboratory, load, service }
}

/** The retained state of the bridge. */
function bridgeState({ subscriber }: Laboratory): string | undefined {
  return subscriber.messages.findLast(({ topic }) => topic === 'nemo/bridge/state')?.payload
}

t.test(
  'C80 SIGTERM while idle and in the middle of a burst; what is not delivered is delivered by the next start',
  async (t) => {
    const { laboratory, load, service } = await laboratoryWithLoad(t)
    const { subscriber } = laboratory
    await stopsInTime(t, 'idle', service)
    await until(() => bridgeState(laboratory) === 'stopped', { what: 'the broker to be told' })

    await service.start()
    await load.roundTrip(15_000)
    t.equal(bridgeState(laboratory), 'online')
    const before = subscriber.messages.length
    await load.writeMany(1, 3_000)
    await load.writeMany(2, 3_000)
    await until(() => subscriber.messages.length > before + 100, { everyMs: 1, what: 'the burst to begin' })
    await stopsInTime(t, 'in a burst', service)
    await until(() => bridgeState(laboratory) === 'stopped', { what: 'the broker to be told again' })
    const left = await leftOver(laboratory)
    t.equal(left.inFlight, 0, 'what was in flight was put back')
    t.ok(Number(left.changeLog) > 1_000, 'the burst was cut')
    await service.start()
    await load.verify(t)
  },
)

t.test('SIGTERM of one that waits: for PostgreSQL at start, and as the standby', async (t) => {
  const { laboratory, service } = await laboratoryWithLoad(t)
  const standby = await laboratory.start()
  await standby.says('lease', 'waiting')
  await stopsInTime(t, 'standby', standby)
  await laboratory.postgres.kill()
  await delay(3_000)
  await stopsInTime(t, 'PostgreSQL is dead', service)
  const from = service.lines.length
  await service.start()
  await service.says('lease', 'failing', 15_000, from)
  await stopsInTime(t, 'PostgreSQL was never there', service)
})

for (const which of ['postgres', 'redis', 'broker', 'all'] as const) {
  const title = { postgres: 'PostgreSQL is', redis: 'Redis is', broker: 'the broker is', all: 'all of them are' }[which]
  t.test(`SIGTERM while ${title} frozen, and then dead`, async (t) => {
    const { laboratory, load, service } = await laboratoryWithLoad(t)
    const { postgres, redis, broker, subscriber } = laboratory
    const servers = which === 'all' ? [postgres, redis, broker] : [laboratory[which]]
    const seen = subscriber.messages.length
    await load.writeMany(1, 2_000)
    await until(() => subscriber.messages.length > seen + 50, { everyMs: 1, what: 'the burst to begin' })
    for (const server of servers) if ('freeze' in server) server.freeze()
    await delay(300)
    await stopsInTime(t, 'frozen', service)
    for (const server of servers) if ('thaw' in server) server.thaw()
    if (which === 'postgres' || which === 'broker') {
      t.equal((await leftOver(laboratory)).inFlight, 0, 'what was in flight was put back')
    }
    if (which === 'postgres' || which === 'redis') {
      await until(() => bridgeState(laboratory) === 'stopped', { what: 'the broker to be told' })
    }
    await service.start()
    await load.verify(t)

    await Promise.all(servers.map((server) => server.kill()))
    await delay(1_500)
    await stopsInTime(t, 'dead', service)
  })
}

t.test('a second signal ends it at once', async (t) => {
  const { laboratory, service } = await laboratoryWithLoad(t)
  const { postgres, redis, broker } = laboratory
  for (const server of [postgres, redis, broker]) if ('freeze' in server) server.freeze()
  await delay(500)
  const since = performance.now()
  if (service.pid !== undefined) process.kill(service.pid, 'SIGTERM')
  await delay(300)
  if (service.pid !== undefined) process.kill(service.pid, 'SIGINT')
  const code = await service.ended(10_000)
  t.ok(performance.now() - since < 1_500, `after ${Math.round(performance.now() - since)} ms`)
  t.equal(code, 0)
  for (const server of [postgres, redis, broker]) if ('thaw' in server) server.thaw()
})
