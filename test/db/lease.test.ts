import t from 'tap'
import { startPostgres } from '../../lab/postgres.ts'
import { Lease } from '../../src/db/lease.ts'
import { Health } from '../../src/health.ts'
import { createLog } from '../../src/log.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

/** Signals that Node.js made of this one with `AbortSignal.any`, and keeps at it; it tells nobody else. */
function madeOf(signal: AbortSignal): number {
  const key = Object.getOwnPropertySymbols(signal).find(({ description }) => description === 'kDependantSignals')
  return key === undefined ? 0 : ((signal as unknown as Record<symbol, ReadonlySet<unknown> | null>)[key]?.size ?? 0)
}

t.test('several may ask at once whether the lock is ours, and a year of looks leaves nothing behind', async (t) => {
  const health = new Health(createLog({ level: 'ERROR', secrets: () => [] }))
  const stop = new AbortController()
  AbortSignal.any([stop.signal])
  t.equal(madeOf(stop.signal), 1, 'that is where Node.js keeps them')
  const lease = await Lease.acquire(server.url('postgres'), health, stop.signal)
  if (lease === undefined) throw new Error('the lock is taken')
  const watching = lease.watch(stop.signal)
  await lease.confirm(stop.signal)
  const before = madeOf(stop.signal)
  const since = performance.now()
  for (let n = 0; n < 50; n += 1) await Promise.all([lease.confirm(stop.signal), lease.confirm(stop.signal)])
  t.ok(performance.now() - since < 20_000, 'none of them waits for the next look of its own, a second later')
  t.equal(madeOf(stop.signal), before)
  stop.abort()
  await watching
  lease.release()
})
