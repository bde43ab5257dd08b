import t from 'tap'
import type { Change, Row } from '../../src/change.ts'
import { mapChange } from '../../src/map/index.ts'
import { whySilent } from '../../src/map/silence.ts'
import { goldenLookup, goldenTables, readGolden } from '../map/golden.ts'

const change = (table: string, old: Row | null, row: Row | null): Change => {
  const operation = old === null ? 'INSERT' : row === null ? 'DELETE' : 'UPDATE'
  return { id: '1', at: '2026-11-25T04:34:05Z', table, operation, old, new: row }
}

t.test('a silent change says which columns differ and why that makes no event', async (t) => {
  const usage = {
    id: 1,
    tool_id: 2,
    project_id: 3,
    start: '2026-11-25T08:00:00.123456+00:00',
    end: null,
    training: false,
  }
  t.equal(
    whySilent(change('NEMO_usageevent', usage, { ...usage, project_id: 4 })),
    'only project_id differs, which makes no event',
  )
  t.equal(
    whySilent(change('NEMO_usageevent', usage, { ...usage, project_id: 4, start: '2026-11-25T08:00:00+00:00' })),
    'only project_id differs, which makes no event; start was saved anew with the same meaning ' +
      '(less than a second apart, or empty text for NULL)',
  )
  t.equal(
    whySilent(
      change(
        'NEMO_task',
        { id: 1, tool_id: 1, title: null, last_updated: 'x' },
        { id: 1, tool_id: 1, title: '', last_updated: 'y' },
      ),
    ),
    'only last_updated differs, which makes no event; title was saved anew with the same meaning ' +
      '(less than a second apart, or empty text for NULL)',
  )
  t.equal(whySilent(change('NEMO_area', { id: 1 }, { id: 1 })), 'no column differs: it was saved without a change')
  const child = { id: 6, parent_tool_id: 3, operational: false }
  t.match(
    whySilent(change('NEMO_tool', child, { ...child, operational: true })),
    'operational differs, and whether a child tool works is told by its parent alone',
  )
  const visit = { id: 1, end: null, staff_charge_id: 5 }
  for (const one of [
    change('NEMO_areaaccessrecord', null, visit),
    change('NEMO_areaaccessrecord', visit, { ...visit, end: 'x' }),
  ]) {
    t.match(whySilent(one), 'it has a staff charge')
  }
  const flags = { id: 1, cancelled: true, missed: false, shortened: false }
  t.match(whySilent(change('NEMO_reservation', null, flags)), 'it was cancelled when it was entered')
  t.match(whySilent(change('NEMO_reservation', flags, { ...flags, shortened: true })), 'was cancelled before')
  t.match(whySilent(change('NEMO_task', { id: 1, tool_id: 1 }, null)), 'it was deleted')
})

t.test('whatever real NEMO did in silence has a reason of its own, and no value in it', async (t) => {
  let count = 0
  for (const golden of goldenTables().flatMap(readGolden)) {
    if (mapChange(golden.change, goldenLookup(golden)).length > 0) continue
    count += 1
    const why = whySilent(golden.change)
    t.match(
      why,
      /staff charge|no column differs|makes no event|same meaning|deleted|when it was entered|cancelled before|told by its parent/,
      golden.file,
    )
    for (const value of Object.values(golden.change.new ?? {})) {
      if (typeof value === 'string' && value.length > 5) t.notOk(why.includes(value), `${golden.file}: ${value}`)
    }
  }
  t.ok(count > 10, `${count} silent changes`)
})
