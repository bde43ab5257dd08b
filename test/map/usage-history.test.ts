import t from 'tap'
import type { Change, Row } from '../../src/change.ts'
import { mapChange } from '../../src/map/index.ts'
import { goldenLookup, readGolden } from './golden.ts'

const [golden] = readGolden('NEMO_usageevent')
if (golden === undefined) throw new Error('there is no golden file')
const lookup = goldenLookup(golden)
const TIMES = [null, null, '2026-11-25T04:34:05.4+00:00', '2026-11-25T05:34:05.4+00:00', 'infinity']

t.test('C93 in any history of a usage, starts and ends alternate at every tool, and deletion ends it', async (t) => {
  for (let seed = 1; seed <= 2_000; seed += 1) {
    const inUse = new Set<string>()
    const trace: string[] = []
    let hasAlternated = true
    let open: string | null = null
    for (const change of history(seed)) {
      for (const { topic } of mapChange(change, lookup)) {
        const [, tool = '', what] = topic.split('/')
        trace.push(topic)
        if (what === 'start') hasAlternated &&= !inUse.has(tool) && Boolean(inUse.add(tool))
        if (what === 'end') hasAlternated &&= inUse.delete(tool)
      }
      // And what subscribers believe after each change is what the row says.
      open = change.new !== null && change.new.end === null ? String(change.new.tool_id) : null
      if ([...inUse].join() !== (open ?? '')) hasAlternated = false
      if (!hasAlternated) return t.fail(`seed ${seed}: ${trace.join(' ')}, but in use is ${open}`)
    }
  }
  t.pass('2,000 histories')
})

/** A usage is inserted, written a few times in one column or several, and deleted. */
function* history(seed: number): Generator<Change> {
  const random = numbers(seed)
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  const edited = (row: Row): Row => ({
    ...row,
    ...(random() < 0.4 ? { end: pick(TIMES) } : {}),
    ...(random() < 0.2 ? { tool_id: pick([1, 5, 6]) } : {}),
    ...(random() < 0.2 ? { user_id: pick([7, 8]) } : {}),
    ...(random() < 0.5 ? { project_id: pick([3, 4]), has_ended: Math.floor(random() * 99) } : {}),
  })
  let id = 0
  const change = (operation: 'INSERT' | 'UPDATE' | 'DELETE', old: Row | null, row: Row | null): Change => {
    id += 1
    return { id: String(id), at: '2026-11-25T04:34:05Z', table: 'NEMO_usageevent', operation, old, new: row }
  }
  let row: Row = {
    id: 31,
    start: '2026-11-25T04:00:00+00:00',
    end: pick(TIMES),
    tool_id: 1,
    user_id: 7,
    operator_id: 7,
  }
  yield change('INSERT', null, row)
  for (let count = Math.floor(random() * 12); count > 0; count -= 1) {
    const next = edited(row)
    yield change('UPDATE', row, next)
    row = next
  }
  yield change('DELETE', row, null)
}

/** The same numbers for the same seed, so that a failure can be repeated (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
