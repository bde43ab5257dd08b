import t from 'tap'
import { AppError } from '../../src/errors.ts'
import { decodeEntry, type Entry, encodeEntry, peekOrigin } from '../../src/queue/entry.ts'

const ENTRY: Entry = {
  topic: 'nemo/tools/5/start',
  payload: '{"event":"tool_usage_start"}',
  retain: true,
  entity: 'tool/5',
  origin: { installation: 'i', change: '9223372036854775807', index: 1, count: 3 },
  queuedAt: 1.5,
}

t.test('an entry comes back as it went in, ids with all their digits', async (t) => {
  t.strictSame(decodeEntry(encodeEntry(ENTRY)), ENTRY)
  t.strictSame(peekOrigin(encodeEntry(ENTRY)), ENTRY.origin)
})

t.test('the fields of the Python plugin come first and have its names', async (t) => {
  const keys = Object.keys(JSON.parse(encodeEntry(ENTRY)))
  t.strictSame(keys.slice(0, 5), ['topic', 'payload', 'qos', 'retain', 'timestamp'])
  t.equal(JSON.parse(encodeEntry(ENTRY)).qos, 1)
})

t.test(
  'an entry of another program is ordered by its topic, unless it says by what, and is nobody’s change',
  async (t) => {
    const theirs = JSON.stringify({ topic: 'a/b', payload: 'x', qos: 0, retain: false, timestamp: 1 })
    t.strictSame(decodeEntry(theirs), {
      topic: 'a/b',
      payload: 'x',
      retain: false,
      entity: 'a/b',
      origin: null,
      queuedAt: 1,
    })
    t.equal(peekOrigin(theirs), null)
    const halfOurs = JSON.stringify({ topic: 'a', payload: '', entity: 'tool/5', installation: 'i', change: '1; drop' })
    t.strictSame(decodeEntry(halfOurs), {
      topic: 'a',
      payload: '',
      retain: false,
      entity: 'tool/5',
      origin: null,
      queuedAt: null,
    })
    for (const change of ['', '-1', '1.5', '99999999999999999999', 5]) {
      t.equal(decodeEntry(JSON.stringify({ ...ENTRY, installation: 'i', change, index: 0, count: 1 })).origin, null)
    }
  },
)

t.test('what cannot be read says what it is', async (t) => {
  const cases: ReadonlyArray<readonly [string, RegExp]> = [
    ['', /is not JSON/],
    ['not json', /is not JSON/],
    ['null', /is null/],
    ['[]', /is an array/],
    ['"str"', /is a string/],
    ['5', /is a number/],
    ['{}', /topic of type undefined/],
    ['{"topic":null}', /topic of type null/],
    ['{"topic":["a"],"payload":"x"}', /topic of type array/],
    ['{"topic":"a"}', /payload of type undefined/],
    ['{"topic":"a","payload":{}}', /payload of type object/],
    ['{"topic":"a","payload":"x","retain":"yes"}', /retain of type string/],
    ['{"__proto__":{"topic":"a","payload":"x"}}', /topic of type undefined/],
    ['['.repeat(1_000_000), /is not JSON/],
  ]
  for (const [text, problem] of cases) {
    const thrown = caught(() => decodeEntry(text))
    t.ok(thrown instanceof AppError && thrown.code === 'NEMO_MQTT_ERR_ENTRY', text.slice(0, 30))
    t.match((thrown as Error).message, problem)
    t.equal(peekOrigin(text), null)
  }
  t.equal(({} as { topic?: unknown }).topic, undefined, 'no prototype was changed')
})

function caught(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}
