import t from 'tap'
import type { Change, Row } from '../../src/change.ts'
import { allEventsOf } from '../../src/choose/all-events.ts'
import { choiceOf } from '../../src/choose/choice.ts'
import { CHOICE_DEFAULTS } from '../../src/choose/choice-settings.ts'
import { readRules } from '../../src/choose/custom/read-rules.ts'
import { payloadOf } from '../../src/map/index.ts'
import type { Lookup } from '../../src/map/lookup.ts'

const LOOKUP = { tool: () => undefined, children: () => [], category: () => null } as unknown as Lookup
const RULE = { table: 'NEMO_tool', when: 'updated', topic: 'own/{id}', payload: { event: 'x' } }

function change(old: Row | null, row: Row | null, table = 'NEMO_tool'): Change {
  const operation = old === null ? 'INSERT' : row === null ? 'DELETE' : 'UPDATE'
  return { id: '1', at: '2026-11-25T04:34:05Z', table, operation, old, new: row }
}

const TOOL = { id: 7, name: 'FIB/SEM', parent_tool_id: null, operational: true, location: 'Bay 3', serial: null }

/** Topics and payloads that a rule makes. */
function made(rule: object, what: Change): string[] {
  const choice = choiceOf({ ...CHOICE_DEFAULTS, custom_events: JSON.stringify([{ ...RULE, ...rule }]) })
  const events = allEventsOf(what, LOOKUP, choice).filter(({ body }) => body.event === 'custom')
  return events.map(({ topic, body }) => `${topic} ${payloadOf(body, 'e')}`)
}

t.test('a condition: every test of every column must hold', async (t) => {
  const moved = change(TOOL, { ...TOOL, location: 'Bay 4' })
  const counts = (condition: object) => made({ condition }, moved).length === 1
  const holding = [
    {},
    { location: 'Bay 4' },
    { location: { equals: 'Bay 4', changed: true, changed_to: 'Bay 4', in: ['x', 'Bay 4'] } },
    { location: { changed: true }, serial: null, operational: { changed: false } },
  ]
  const failing = [
    { location: 'Bay 3' },
    { location: { in: ['Bay 3'] } },
    { location: { changed: false } },
    { location: { changed_to: 'Bay 3' } },
    { name: { changed_to: 'FIB/SEM' } },
    { location: 'Bay 4', operational: false },
    { operational: 'true' },
    { column_that_is_not_captured: null },
  ]
  for (const condition of holding) t.ok(counts(condition), JSON.stringify(condition))
  for (const condition of failing) t.notOk(counts(condition), JSON.stringify(condition))
  t.strictSame(made({ when: 'deleted' }, moved), [])
  t.strictSame(made({ table: 'NEMO_area' }, moved), [])
  const times = change(
    { id: 1, at: '2026-11-25T04:34:05.4+00:00' },
    { id: 1, at: '2026-11-25T04:34:05+00:00' },
    'NEMO_x',
  )
  t.strictSame(made({ table: 'NEMO_x', condition: { at: { changed: true } } }, times), [], 'saved anew')
  const big = change(null, { id: 9007199254740993n }, 'NEMO_x')
  t.equal(made({ table: 'NEMO_x', when: 'inserted', condition: { id: 9007199254740992 } }, big).length, 0)
})

t.test('placeholders in topic and payload', async (t) => {
  const rule = {
    topic: 'own/{name}/{serial}',
    payload: { id: '{id}', was: '{old.location}', list: ['{serial}', 5], text: 'now {location}, {unknown}.', n: 1 },
  }
  t.strictSame(made(rule, change(TOOL, { ...TOOL, location: 'Bay 4' })), [
    'own/FIB_SEM/none {"id":7,"was":"Bay 3","list":[null,5],"text":"now Bay 4, .","n":1, "event_id": "e"}',
  ])
  t.strictSame(made({ when: 'deleted', topic: '{name}', payload: '{id}' }, change({ ...TOOL, name: 'bridge' }, null)), [
    'bridge_ 7',
  ])
  t.strictSame(made({ table: 'x', when: 'inserted', payload: '{id}' }, change(null, { id: 9007199254740993n }, 'x')), [
    'own/9007199254740993 9007199254740993',
  ])
  const json = change(null, { id: 1, data: { a: [1] } }, 'x')
  t.strictSame(made({ table: 'x', when: 'inserted', payload: 'is {data}' }, json), ['own/1 "is {\\"a\\":[1]}"'])
})

t.test('the standard events come first, as they were; a table that only a rule knows is no fault', async (t) => {
  const settings = { ...CHOICE_DEFAULTS, custom_events: JSON.stringify([RULE, { ...RULE, table: 'NEMO_door' }]) }
  const choice = choiceOf(settings)
  const renamed = change(TOOL, { ...TOOL, name: 'FIB' })
  const events = allEventsOf(renamed, LOOKUP, choice)
  t.strictSame(
    choice.choose(events, () => null).sent.map(({ index, body }) => `${index} ${body.event}`),
    ['0 tool_updated', '1 custom'],
  )
  const door = change(null, { id: 1 }, 'NEMO_door')
  t.strictSame(allEventsOf(door, LOOKUP, choice), [])
  t.throws(() => allEventsOf(door, LOOKUP, choiceOf(CHOICE_DEFAULTS)), { code: 'NEMO_MQTT_ERR_CHANGE' })
})

t.test('every problem is named with its place', async (t) => {
  const problemOf = (text: string) => {
    const read = readRules(text)
    return 'problem' in read ? read.problem : undefined
  }
  t.equal(problemOf(''), undefined)
  t.equal(problemOf(JSON.stringify([RULE])), undefined)
  t.match(problemOf('{'), /is not JSON/)
  t.match(problemOf('{}'), /is no list/)
  t.match(problemOf(JSON.stringify(Array(201).fill(RULE))), /201 rules/)
  const faults: ReadonlyArray<readonly [object | string, string]> = [
    ['x', 'rule 2: is no object'],
    [{ ...RULE, tabl: 'x' }, 'rule 2: there is no "tabl"; do you mean table?'],
    [{ ...RULE, table: 'a.b' }, 'rule 2, table: is not the name of a table'],
    [{ ...RULE, when: 'saved' }, 'rule 2, when: is none of inserted, updated, deleted'],
    [{ ...RULE, topic: 'a/{id' }, 'rule 2, topic: has a brace that belongs to no {column}'],
    [{ ...RULE, topic: 'bridge/{id}' }, "rule 2, topic: is below bridge, where the service's own topics are"],
    [{ ...RULE, topic: 'a/+' }, 'rule 2, topic: holds a wildcard (+ or #)'],
    [{ ...RULE, topic: 'x'.repeat(501) }, 'rule 2, topic: is longer than 500 characters'],
    [{ ...RULE, payload: undefined }, 'rule 2, payload: is missing'],
    [{ ...RULE, condition: [] }, 'rule 2, condition: is no object of columns'],
    [{ ...RULE, condition: { a: [1] } }, 'rule 2, condition, a: is a list; { "in": [...] } means one of it'],
    [{ ...RULE, condition: { a: { is: 1 } } }, 'rule 2, condition, a: there is no "is"'],
    [{ ...RULE, condition: { a: {} } }, 'rule 2, condition, a: tests nothing'],
    [{ ...RULE, condition: { a: { in: [] } } }, 'rule 2, condition, a: in: is no list with something in it'],
    [{ ...RULE, condition: { a: { changed: 1 } } }, 'rule 2, condition, a: changed: is neither true nor false'],
    [
      { ...RULE, when: 'deleted', condition: { a: { changed: true } } },
      'rule 2, condition, a: what was deleted has not changed: that is for updated',
    ],
    [
      { ...RULE, when: 'inserted', condition: { a: { changed_to: 1 } } },
      'rule 2, condition, a: what was inserted has not changed: that is for updated',
    ],
    [
      { ...RULE, when: 'inserted', topic: 'a/{old.a}' },
      'rule 2, topic: {old.a} is nothing for a row that was inserted',
    ],
    [
      { ...RULE, when: 'inserted', payload: '{old.a}' },
      'rule 2, payload: {old.a} is nothing for a row that was inserted',
    ],
  ]
  for (const [fault, problem] of faults) {
    t.match(problemOf(JSON.stringify([RULE, fault]))?.replaceAll(/;? do you mean (in|when)\?/g, ''), problem)
  }
  t.match(
    problemOf(JSON.stringify([{ ...RULE, table: 1, when: 2 }])),
    /rule 1, table: .*; rule 1, when: /,
    'all of them',
  )
})
