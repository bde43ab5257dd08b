import t from 'tap'
import { withoutPeople } from '../../src/choose/privacy.ts'
import { mapChange } from '../../src/map/index.ts'
import { goldenLookup, goldenTables, readGolden } from '../map/golden.ts'

/** Columns in which people write what they like. */
const WRITTEN = ['title', 'details', 'contents', 'problem_description', 'restriction_message']

t.test('of every event of every table nothing is left that names a person or that one has written', async (t) => {
  const seen = new Set<string>()
  for (const golden of goldenTables().flatMap(readGolden)) {
    const { NEMO_user: users = {}, NEMO_project: projects = {} } = golden.lookup
    const names = Object.values(users).map((row) => ({ ...row, full: `${row?.first_name} ${row?.last_name}` }))
    const rows = [...names, ...Object.values(projects)]
    const written = WRITTEN.flatMap((column) => [golden.change.old?.[column], golden.change.new?.[column]])
    const texts = [...rows.flatMap((row) => Object.values(row ?? {})), ...written]
    const personal = texts.filter((text): text is string => typeof text === 'string' && text.length > 2)
    let events: ReturnType<typeof mapChange>
    try {
      events = mapChange(golden.change, goldenLookup(golden))
    } catch {
      continue // a change that cannot be mapped at all: other tests look at those
    }
    for (const { body } of events) {
      const shown = Object.entries(body).filter(([, value]) => personal.includes(String(value)))
      for (const [key] of shown) seen.add(key)
      const left = Object.entries(withoutPeople(body)).filter(([, value]) => personal.includes(String(value)))
      t.strictSame(left, [], `${golden.file}: ${body.event}`)
    }
  }
  // Each of them was there to be taken away.
  const wanted = [...WRITTEN, 'user_name', 'merchant_name', 'operator_name', 'username', 'last_name', 'project_name']
  t.strictSame(
    wanted.filter((key) => !seen.has(key)),
    [],
  )
})
