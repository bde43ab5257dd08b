import t from 'tap'
import { live, type WrittenChange } from '../../lab/life.ts'
import { startPostgres } from '../../lab/postgres.ts'
import { createSampleNemo } from '../../lab/sample-database.ts'

const postgres = await startPostgres()
t.teardown(() => postgres.stop())
await createSampleNemo(postgres, 'template')

async function day(name: string, options: { seed: number; acts: number }): Promise<WrittenChange[]> {
  const changes: WrittenChange[] = []
  const url = await postgres.createDatabase(name, 'template')
  await live({ url, rate: Number.POSITIVE_INFINITY, onChange: (change) => changes.push(change), ...options })
  return changes
}

t.test('everything happens that happens in a laboratory, and much that must stay silent', async (t) => {
  const changes = await day('long', { seed: 7, acts: 600 })
  const events = changes.flatMap(({ expected }) => expected.map(({ event }) => event))
  t.strictSame(
    [...new Set(events)].sort((a, b) => (a < b ? -1 : 1)),
    [
      'area_access',
      'area_access_end',
      'area_access_updated',
      'area_updated',
      'reservation_cancelled',
      'reservation_created',
      'reservation_missed',
      'reservation_updated',
      'task_cancelled',
      'task_created',
      'task_resolved',
      'task_shutdown',
      'task_updated',
      'tool_disabled',
      'tool_enabled',
      'tool_updated',
      'tool_usage_end',
      'tool_usage_start',
    ],
  )
  const silent = changes.filter(({ expected }) => expected.length === 0)
  t.ok(
    silent.some(({ columns }) => columns.length === 0),
    'full-row saves that change nothing',
  )
  t.ok(
    silent.some(({ table }) => table === 'NEMO_usageevent'),
    'billing',
  )
  t.ok(
    changes.some(({ expected }) => expected.length === 2 && expected[0]?.event === 'tool_disabled'),
    'child tools',
  )
  const [count] = await postgres.execute(
    'long',
    `select count(*) filter (where shortened)::int as shortened,
            count(*) filter (where cancelled and missed)::int as late,
            count(*) filter (where descendant_id is not null and not shortened)::int as moved,
            (select count(*) from "NEMO_usageevent" where "end" > now())::int as cooling from "NEMO_reservation"`,
  )
  for (const [what, rows] of Object.entries(count ?? {})) t.ok(Number(rows) > 0, `some are ${what}: ${rows}`)
})

t.test('a seed repeats its day, another seed has another', async (t) => {
  const plain = (changes: WrittenChange[]) => changes.map(({ committedAt: _, ...change }) => change)
  const first = plain(await day('first', { seed: 3, acts: 60 }))
  t.strictSame(plain(await day('again', { seed: 3, acts: 60 })), first)
  t.strictNotSame(plain(await day('other', { seed: 4, acts: 60 })), first)
})

t.test('a save writes the row back exactly as it was, to the microsecond', async (t) => {
  const changes = await day('exact', { seed: 11, acts: 200 })
  const saves = changes.filter(({ operation, table }) => operation === 'UPDATE' && table === 'NEMO_reservation')
  t.ok(saves.length > 10)
  const allowed = new Set(['cancelled', 'cancellation_time', 'cancelled_by_id', 'descendant_id'])
  for (const column of ['missed', 'shortened', 'title']) allowed.add(column)
  t.strictSame(
    saves.flatMap(({ columns }) => columns.filter((column) => !allowed.has(column))),
    [],
  )
})
