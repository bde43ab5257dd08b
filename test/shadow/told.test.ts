import t from 'tap'
import { pythonJson } from '../../src/dialect/python-json.ts'
import { pluginFault } from '../../src/shadow/faults.ts'
import { Match } from '../../src/shadow/match.ts'
import { readArrival, type ToldMessage } from '../../src/shadow/told.ts'
import { signEnvelope } from '../../src/sign/envelope.ts'

const FIELDS = { event: 'tool_updated', tool_id: 5, tool_name: 'Ätzer', tool_status: true, timestamp: false }
const TEXT = pythonJson(FIELDS)

function told(fields: Readonly<Record<string, string | number | boolean>>, topic = 'tools/5'): ToldMessage {
  const arrival = readArrival(`nemo/${topic}`, pythonJson(fields), undefined)
  if (arrival.kind !== 'told') throw new Error(`read as ${arrival.kind}`)
  return arrival.message
}

t.test('what arrives: the plugin’s words, signed or not, and what is none of them', async (t) => {
  t.match(readArrival('nemo/tools/5', TEXT, undefined), { kind: 'told', message: { topic: 'tools/5', text: TEXT } })
  const signed = signEnvelope(TEXT, 'key', pythonJson)
  t.match(readArrival('nemo/tools/5', signed, 'key'), { message: { text: TEXT }, badSignature: undefined })
  t.match(readArrival('nemo/tools/5', signed, 'other'), { message: { text: TEXT }, badSignature: /does not fit/ })
  t.match(readArrival('nemo/tools/5', TEXT, 'key'), { badSignature: /not signed/ })
  t.match(readArrival('nemo/tools/5', signed, undefined), { message: { text: TEXT }, badSignature: undefined })
  for (const [topic, text] of [
    ['nemo/bridge/state', 'online'],
    ['lab/tools/5', TEXT],
    ['nemo/tools/5', 'no JSON'],
    ['nemo/tools/5/tasks', '{"event": "task_created", "task_id": 1}'],
  ] as const) {
    t.strictSame(readArrival(topic, text, undefined), { kind: 'other' }, text)
  }
  t.strictSame(readArrival('nemo/tools/5', '{"event":"tool_updated","event_id":"x-1-0"}', undefined), { kind: 'ours' })
})

t.test('either side may come first; what is told twice is paired once', async (t) => {
  const match = new Match()
  match.tell(told(FIELDS), 0)
  match.tell(told(FIELDS), 0)
  match.expect(told(FIELDS), '7', 1)
  t.equal(match.same, 1)
  t.strictSame([...match.changes()], [], 'the change is done with')
  t.match(match.overdue(10, 10), [{ kind: 'excess', at: 0 }])
  t.strictSame(match.waiting, { expected: 0, told: 0 })
  match.expect(told({ ...FIELDS, tool_name: 'B' }), '8', 1)
  t.strictSame([...match.changes()], ['8'])
  t.strictSame(match.overdue(1, 1), [], 'not yet')
  t.match(match.overdue(2, 2), [{ kind: 'missing' }])
})

t.test('a fault explains only what it can', async (t) => {
  const row = { exists: true, hasBegun: false, isOver: false, isBilling: false, said: [FIELDS], now: undefined }
  t.match(pluginFault(FIELDS, row), /nothing that the message tells had changed/)
  const down = { ...FIELDS, tool_status: false }
  t.equal(pluginFault(down, row), undefined, 'a change of which too little is known')
  t.equal(pluginFault(down, { ...row, now: down }), undefined, 'a change that we would have missed')
  t.match(pluginFault(down, { ...row, now: FIELDS }), /never said so: the write was rolled back/)
  t.match(pluginFault(down, { ...row, exists: false }), /rolled back/, 'made and changed by a write that was')
  const end = { event: 'tool_disabled', usage_id: 1 }
  t.equal(pluginFault(end, row), undefined, 'an end that we would have missed')
  t.match(pluginFault(end, { ...row, isOver: true }), /over/)
  t.equal(pluginFault({ event: 'area_access' }, row), undefined)
  t.equal(pluginFault({ event: 'tool_enabled' }, row), undefined, 'a beginning that we would have missed')
  t.match(pluginFault({ event: 'tool_enabled' }, { ...row, hasBegun: true }), /had begun was saved again/)
  t.match(pluginFault({ event: 'tool_enabled' }, { ...row, exists: false }), /rolled back/)
})

t.test('what is told late is no excess: it was missing, or was not compared', async (t) => {
  const match = new Match()
  const made = told({ ...FIELDS, event: 'tool_created' })
  match.expect(made, '7', 1)
  match.skip(told(FIELDS), 1)
  match.expect(told({ ...FIELDS, tool_name: 'C' }), '8', 1)
  match.drop()
  match.expect(told({ ...FIELDS, tool_name: 'B' }), '9', 2)
  t.match(match.overdue(3, 3), [{ kind: 'missing' }])
  for (const message of [
    made,
    made,
    told({ ...FIELDS, tool_name: 'B' }),
    told({ ...FIELDS, tool_name: 'C' }),
    told(FIELDS),
  ])
    match.tell(message, 5)
  t.match(match.overdue(6, 6), [
    { kind: 'late', message: { fields: { event: 'tool_created' } }, wasMissing: false },
    { kind: 'excess', message: { fields: { event: 'tool_created' } } },
    { kind: 'late', message: { fields: { tool_name: 'B' } }, wasMissing: true },
    { kind: 'late', message: { fields: { tool_name: 'C' } }, wasMissing: false },
    { kind: 'late', message: { fields: { tool_name: FIELDS.tool_name } }, wasMissing: false },
  ])
  match.skip(told(FIELDS), 6)
  match.skip(made, 6)
  match.tell(told(FIELDS), 3_600_000)
  match.tell(made, 3_600_000)
  t.match(
    match.overdue(4_000_000, 4_000_000),
    [{ kind: 'excess', message: { fields: { event: 'tool_updated' } } }, { kind: 'late' }],
    'a save without a change can come at any time, a row is made once',
  )
})
