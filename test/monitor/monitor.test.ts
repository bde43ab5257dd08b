import t, { type Test } from 'tap'
import { until } from '../../lab/wait.ts'
import { Checking } from '../../src/monitor/checking.ts'
import type { ShownBatch, ShownHistory, ShownMessage } from '../../src/monitor/shown.ts'
import { entryOf, monitorRig, pass } from './rig.ts'

/** A reader who writes down what he is told, and in which order the rows came. */
function reader() {
  const ids: number[] = []
  const messages: ShownMessage[] = []
  const told = { skipped: 0, events: 0, totals: {} as ShownBatch['totals'] }
  const tell = (event: string, data: unknown): void => {
    if (event !== 'history' && event !== 'messages') return
    const { messages: rows, totals } = data as ShownHistory
    told.events += 1
    told.totals = totals
    if (event === 'messages') told.skipped += (data as ShownBatch).skipped
    ids.push(...rows.map(({ id }) => id))
    messages.push(...rows)
  }
  return { tell, ids, messages, told }
}

function running(t: Test, ...given: Parameters<typeof monitorRig>) {
  const rig = monitorRig(...given)
  const end = new AbortController()
  const ended = rig.monitor.run(end.signal)
  t.teardown(async () => {
    end.abort()
    await ended
  })
  return rig
}

t.test('a reader gets what is kept, then each message once, in batches', async (t) => {
  const { monitor, traffic } = running(t)
  for (let n = 1; n <= 250; n += 1) pass(traffic, entryOf(n))
  const one = reader()
  const leave = monitor.watch(one.tell)
  t.equal(one.ids.length, 200, 'the last 100 of each source')
  const eventsBefore = one.told.events
  for (let n = 251; n <= 300; n += 1) pass(traffic, entryOf(n))
  const late = reader()
  monitor.watch(late.tell)()
  for (let n = 301; n <= 350; n += 1) pass(traffic, entryOf(n))
  await until(() => one.ids.length === 400, { what: 'all messages' })
  t.strictSame(
    one.ids,
    [...new Set(one.ids)].sort((a, b) => a - b),
    'in order, none twice',
  )
  t.equal(late.ids.length, 200)
  t.ok(one.told.events - eventsBefore <= 3, `${one.told.events - eventsBefore} events for 200 rows`)
  t.match(one.told, { skipped: 0, totals: { redis: 350, mqtt: 350 } })
  leave()
  t.equal(monitor.readers, 0)
})

t.test('what passes faster than it is kept is counted', async (t) => {
  const { monitor, traffic } = running(t)
  const one = reader()
  monitor.watch(one.tell)
  for (let n = 1; n <= 3_000; n += 1) pass(traffic, entryOf(n))
  await until(() => one.told.totals.mqtt === 3_000, { what: 'a batch' })
  t.ok(one.ids.length <= 1_000, `${one.ids.length} rows`)
  t.equal(one.told.skipped, 6_000 - one.ids.length)
})

t.test('5,000 messages a second cost a reader little', async (t) => {
  const { monitor, traffic } = running(t)
  const one = reader()
  let characters = 0
  monitor.watch((event, data) => {
    characters += JSON.stringify(data).length
    one.tell(event, data)
  })
  const load = async (): Promise<number> => {
    const before = process.cpuUsage()
    const since = performance.now()
    let sent = 0
    await until(
      () => {
        const due = 5 * (performance.now() - since)
        for (; sent < due; sent += 1)
          pass(traffic, entryOf(1 + sent, JSON.stringify({ event: 'x', text: 'y'.repeat(400) })))
        return performance.now() - since > 2_000
      },
      { what: 'two seconds of load', everyMs: 5 },
    )
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 20_000 // per cent of a core
  }
  const [watched, told] = [await load(), characters]
  t.comment(
    `${watched.toFixed(0)} % of a core with one reader, the load itself included; ${(told / 2e6).toFixed(1)} MB/s`,
  )
  t.ok(one.told.skipped > 0)
  t.ok(watched < 70)
})

t.test('memory is bounded in characters too, and a long message can still be had', async (t) => {
  const { monitor, traffic } = running(t)
  for (let n = 1; n <= 300; n += 1) pass(traffic, entryOf(n, JSON.stringify({ text: 'x'.repeat(200_000) })))
  t.ok(monitor.characters < 12_000_000, `${monitor.characters} characters are kept`)
  const one = reader()
  monitor.watch(one.tell)()
  const last = one.messages.at(-1)
  t.equal(last?.payload?.length, 4_096)
  t.equal(last?.characters, 200_011)
  const recent = (await monitor.recent()) as { history: ShownHistory }
  t.equal(monitor.whole(recent.history.run, last?.id ?? 0)?.payload?.length, 200_011)
  t.equal(monitor.whole('another run', last?.id ?? 0), undefined)
  pass(traffic, entryOf(999, 'y'.repeat(5_000_000)))
  const newest = reader()
  monitor.watch(newest.tell)()
  const huge = newest.messages.at(-1)
  t.equal(huge?.characters, 5_000_000, 'its length is known')
  t.match(monitor.whole(recent.history.run, huge?.id ?? 0), { isCut: true })
  t.ok(monitor.characters < 12_000_000)
})

t.test('when nobody looks it costs next to nothing', async (t) => {
  const { traffic } = running(t)
  const entries = Array.from({ length: 50_000 }, (_, n) => entryOf(n + 1))
  for (const entry of entries.slice(0, 10_000)) pass(traffic, entry)
  const since = process.cpuUsage()
  for (const entry of entries) pass(traffic, entry)
  const { user, system } = process.cpuUsage(since)
  const us = (user + system) / entries.length
  t.comment(`${us.toFixed(2)} µs a message for its whole way, the encoding of the test included`)
  t.ok(us < 40)
})

t.test('the way of a change is told with its times, and no known secret', async (t) => {
  const { monitor, traffic } = running(t)
  pass(traffic, entryOf(7))
  const trace = await monitor.trace('7')
  t.match(trace, { from: 'memory', table: 'NEMO_tool', row: '1', operation: 'UPDATE', rule: 'map/tool' })
  t.match(trace.columns[0], { name: 'name', old: '"the old name"', new: '"the new name ***"', differs: true })
  const [way] = trace.messages
  const times = [trace.readAt, way?.queuedAt, way?.takenAt, way?.sentAt, way?.answeredAt]
  t.ok(times.every((time) => typeof time === 'number'))
  t.strictSame(
    times,
    [...times].sort((a, b) => Number(a) - Number(b)),
  )
  t.match(way, { event: 'tool_updated', outcome: 'delivered', attempts: 1 })
  traffic.silent(
    { id: '8', at: '2026-01-01T00:00:00Z', table: 'NEMO_tool', operation: 'UPDATE', old: null, new: null },
    'a rule says so',
  )
  t.equal((await monitor.trace('8')).silent, 'a rule says so')
})

t.test('the checks never run twice at once, nor too often', async (t) => {
  let runs = 0
  let now = 0
  const report = { level: 'ok' as const, results: [], metrics: {}, durationMs: 1, secrets: [] }
  const run = async () => {
    runs += 1
    return report
  }
  const checking = new Checking({}, run, () => now)
  await Promise.all([checking.asked(), checking.asked(), checking.becauseOfTrouble()])
  t.equal(runs, 1)
  t.equal(await checking.asked(), 5, 'seconds to wait')
  now += 10_000
  t.equal(await checking.becauseOfTrouble(), undefined)
  await checking.asked()
  t.equal(runs, 2)
  now += 15_000
  t.ok(await checking.becauseOfTrouble())
  t.equal(runs, 3)
  now += 60_000
  t.equal(checking.latest, undefined, 'what was found long ago says nothing about now')
})
