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
  const row = { exists: true, isOver: false, isBilling: false, said: [FIELDS] }
  t.match(pluginFault(FIELDS, row), /nothing that the message tells had changed/)
  t.equal(pluginFault({ ...FIELDS, tool_status: false }, row), undefined, 'a change that we would have missed')
  const end = { event: 'tool_disabled', usage_id: 1 }
  t.equal(pluginFault(end, row), undefined, 'an end that we would have missed')
  t.match(pluginFault(end, { ...row, isOver: true }), /over/)
  t.equal(pluginFault({ event: 'area_access' }, row), undefined)
  t.equal(pluginFault({ event: 'tool_enabled' }, row), undefined, 'a beginning that we would have missed')
  t.match(pluginFault({ event: 'tool_enabled' }, { ...row, exists: false }), /rolled back/)
})
