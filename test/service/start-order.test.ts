import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { openLaboratory } from './laboratory.ts'
import { Load } from './load.ts'

/** How long everything stays away before the first server comes, in milliseconds. */
const AWAY_MS = 20_000

const ORDERS = [
  ['postgres', 'redis', 'broker'],
  ['postgres', 'broker', 'redis'],
  ['redis', 'postgres', 'broker'],
  ['redis', 'broker', 'postgres'],
  ['broker', 'postgres', 'redis'],
  ['broker', 'redis', 'postgres'],
] as const

t.setTimeout(300_000)
t.test('C05 C108 C111 whatever comes first, and however late: it waits, and then messages flow', async (t) => {
  const laboratory = await openLaboratory(t)
  const { postgres, redis, broker } = laboratory
  const killAll = (): Promise<unknown> => Promise.all([postgres.kill(), redis.kill(), broker.kill()])
  await killAll()
  const service = await laboratory.start()
  for (const [n, order] of ORDERS.entries()) {
    const from = service.lines.length
    if (n > 0) await service.start()
    else await delay(AWAY_MS)
    const { pid } = service
    if (n > 0) await service.says('lease', 'failing', 15_000, from)
    for (const name of order) {
      await laboratory[name].start()
      await delay(700)
    }
    const load = await Load.open(t, laboratory)
    const ms = await load.roundTrip(30_000)
    t.ok(ms < 17_000, `${order.join(', ')}: flows ${Math.round(ms)} ms after the last one came`)
    t.equal(service.pid, pid, 'the same process')
    await load.close()
    await killAll()
    await service.stop()
    t.equal(service.outcome, 0)
  }
  const thrown = service.lines.filter(({ level }) => level === 'raw')
  t.strictSame(thrown, [], 'nothing was thrown')
  t.ok(service.lines.length < 200, `${service.lines.length} lines: changes of state, not attempts`)
})
