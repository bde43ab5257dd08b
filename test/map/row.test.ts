import t from 'tap'
import type { Change, Row } from '../../src/change.ts'
import { mapChange, parseRow } from '../../src/map/index.ts'
import { goldenLookup, readGolden } from './golden.ts'

const [golden] = readGolden('NEMO_area')
if (golden === undefined) throw new Error('there is no golden file')
const lookup = goldenLookup(golden)

t.test('C35 integers beyond 2^53 keep their digits', async (t) => {
  t.strictSame(parseRow('{"id": 9007199254740993, "n": 9007199254740991}'), {
    id: 9007199254740993n,
    n: 9007199254740991,
  })
  t.strictSame(parseRow('{"id": -9223372036854775808, "n": 1.25, "ratio": 0.1234567890123456}'), {
    id: -9223372036854775808n,
    n: 1.25,
    ratio: 0.1234567890123456,
  })
})

t.test('sixteen digits in a text change nothing else in the row', async (t) => {
  const row = { id: 5, title: 'Lot 1234567890123456 "x" \\ é 😀', flag: true, none: null, properties: { a: [1, 2.5] } }
  t.strictSame(parseRow(JSON.stringify(row)), row)
  t.strictSame(Object.keys(parseRow('{"__proto__": {"id": 1}, "id": 1234567890123456789}')), ['__proto__', 'id'])
})

t.test('C36 NaN and infinity in a column of text or number hurt nobody', async (t) => {
  t.strictSame(parseRow('{"id": 5, "n": "NaN", "end": "infinity"}'), { id: 5, n: 'NaN', end: 'infinity' })
})

t.test('what is no JSON object is set aside', async (t) => {
  for (const text of ['', '{', 'null', '[1]', '5', '"x"', '{"id": 1234567890123456789'])
    t.throws(() => parseRow(text), { code: 'NEMO_MQTT_ERR_CHANGE' }, text)
})

t.test('a change that says too little is set aside, with the reason', async (t) => {
  const refused = (change: Partial<Change>, message: RegExp) => {
    const whole = { id: '9', at: '2026-11-25T04:34:05Z', table: 'NEMO_tool', old: null, new: null, ...change } as Change
    t.throws(() => mapChange(whole, lookup), { code: 'NEMO_MQTT_ERR_CHANGE', message }, String(message))
  }
  const tool: Row = { id: 5, name: 'SEM' }
  refused({ table: 'NEMO_consumable', operation: 'INSERT', new: tool }, /NEMO_consumable/)
  refused({ table: 'toString', operation: 'INSERT', new: tool }, /toString/)
  refused({ operation: 'INSERT', new: null }, /no new row/)
  refused({ operation: 'UPDATE', old: null, new: tool }, /no old row/)
  refused({ operation: 'DELETE', old: null }, /no old row/)
  for (const id of [null, undefined, '5', 1.5, 2 ** 60, true])
    refused({ operation: 'INSERT', new: { ...tool, id } }, /no usable id/)
  refused({ operation: 'INSERT', new: { id: 5 } }, /with its id \(5\) alone/)
  refused({ operation: 'UPDATE', old: { id: 5n }, new: { id: 5n } }, /with its id \(5\) alone/)
  const usage: Row = { id: 5, tool_id: 1, end: null }
  refused({ table: 'NEMO_usageevent', operation: 'INSERT', new: { id: 5, tool_id: 1 } }, /no column end/)
  refused(
    { table: 'NEMO_usageevent', operation: 'UPDATE', old: { id: 5, tool_id: 1 }, new: usage },
    /end in its old row/,
  )
  refused({ table: 'NEMO_usageevent', operation: 'INSERT', new: { ...usage, tool_id: null } }, /no usable tool_id/)
  refused({ table: 'NEMO_task', operation: 'INSERT', new: { id: 5, tool_id: 'x' } }, /no usable tool_id/)
  refused({ table: 'NEMO_areaaccessrecord', operation: 'INSERT', new: { id: 5, end: null } }, /staff_charge_id/)
})

t.test('a TRUNCATE is one event that names the table', async (t) => {
  const change: Change = {
    id: '9',
    at: '2026-11-25T04:34:05Z',
    table: 'NEMO_usageevent',
    operation: 'TRUNCATE',
    old: null,
    new: null,
  }
  const [topic, timestamp] = ['bridge/truncated', change.at]
  t.strictSame(mapChange(change, lookup), [
    { topic, entity: topic, body: { event: 'table_truncated', table: 'NEMO_usageevent', timestamp } },
  ])
  t.throws(() => mapChange({ ...change, table: 'NEMO_consumable' }, lookup), { code: 'NEMO_MQTT_ERR_CHANGE' })
})
