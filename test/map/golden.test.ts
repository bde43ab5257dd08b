import { Ajv } from 'ajv'
import t from 'tap'
import { EVENTS, type EventName } from '../../src/event.ts'
import { addNeeds, eventPayload, MAPPED_TABLES, type MappedEvent, mapChange } from '../../src/map/index.ts'
import { type Lookup, nothingWanted, type Wanted } from '../../src/map/lookup.ts'
import { type Golden, goldenLookup, goldenTables, readGolden } from './golden.ts'

const ajv = new Ajv({ allErrors: true })
const told = new Set<string>()

t.test('every mapper has golden files', async (t) => {
  t.strictSame(new Set(goldenTables()), new Set(MAPPED_TABLES))
  for (const table of goldenTables()) t.not(readGolden(table).length, 0, `${table}: the folder is empty`)
})

for (const table of goldenTables()) {
  for (const golden of readGolden(table)) {
    t.test(`${table}: ${golden.description}`, async (t) => {
      const events = mapChange(golden.change, asPrefetched(golden))
      t.strictSame(events.map(asGolden), golden.expected, golden.file)
      for (const [index, event] of events.entries()) {
        if (event.body.event === 'custom') throw new Error('no mapper of a table makes one')
        told.add(event.body.event)
        t.equal(event.entity, event.topic.split('/').slice(0, 2).join('/'))
        const text = eventPayload({ ...event.body }, `lab-1-${index}`)
        const schema = EVENTS[event.body.event]
        // C101 among others: the timestamp is a time.
        t.ok(ajv.validate(schema, JSON.parse(text)), ajv.errorsText())
        t.strictSame(Object.keys(JSON.parse(text)), Object.keys(schema.properties), 'the keys in their order')
        t.strictSame(Object.keys(event.body), Object.keys(golden.expected[index]?.body ?? {}), 'as in the file')
      }
    })
  }
}

t.test('every event is made from a change in some golden file', async (t) => {
  // A TRUNCATE has no row and no mapper.
  const missing = (Object.keys(EVENTS) as EventName[]).filter((name) => name !== 'table_truncated' && !told.has(name))
  t.strictSame(missing, [])
})

function asGolden({ topic, body }: MappedEvent) {
  return { topic, body: { ...body } }
}

/** Answers only what was asked for before, because in the service only that has been fetched. */
function asPrefetched(golden: Golden): Lookup {
  const lookup = goldenLookup(golden)
  const wanted = nothingWanted()
  addNeeds(golden.change, wanted)
  const ask = (name: keyof Wanted, id: string | null) => {
    if (id !== null && !wanted[name].has(id)) throw new Error(`${name} ${id} was not asked for before`)
    return id
  }
  return {
    tool: (id) => {
      // The child tools of a wanted parent come with it.
      const isChild = id !== null && [...wanted.children].some((parent) => lookup.children(parent).includes(id))
      return lookup.tool(isChild ? id : ask('tools', id))
    },
    category: (id) => lookup.category(id),
    children: (id) => lookup.children(ask('children', id) ?? ''),
    user: (id) => lookup.user(ask('users', id)),
    area: (id) => lookup.area(ask('areas', id)),
    project: (id) => lookup.project(ask('projects', id)),
    reservation: (id) => lookup.reservation(ask('reservations', id)),
    resource: (id) => lookup.resource(ask('resources', id)),
    consumable: (id) => lookup.consumable(ask('consumables', id)),
    interlocked: (id) => lookup.interlocked(ask('interlocks', id)),
  }
}
