import t from 'tap'
import { eventPayload } from '../../src/map/index.ts'

t.test('the keys keep their order and event_id comes last', async (t) => {
  t.equal(
    eventPayload({ event: 'x', tool_id: 5, b: null, a: true, changed: ['name'] }, 'lab-1-0'),
    '{"event":"x","tool_id":5,"b":null,"a":true,"changed":["name"],"event_id":"lab-1-0"}',
  )
})

t.test('C35 an id beyond 2^53 is a number with all its digits', async (t) => {
  t.equal(
    eventPayload({ event: 'x', usage_id: 9223372036854775807n, name: 'a"b', changed: ['x'] }, 'lab-1-0'),
    '{"event":"x","usage_id":9223372036854775807,"name":"a\\"b","changed":["x"],"event_id":"lab-1-0"}',
  )
})

t.test('half a surrogate pair becomes the replacement character, whole ones and texts about them stay', async (t) => {
  t.equal(eventPayload({ name: 'a\ud83d' }, '1'), '{"name":"a\ufffd","event_id":"1"}')
  t.equal(
    eventPayload({ name: 'a\ude00b', id: 2n ** 60n }, '1'),
    `{"name":"a\ufffdb","id":${2n ** 60n},"event_id":"1"}`,
  )
  t.equal(eventPayload({ name: '😀' }, '1'), '{"name":"😀","event_id":"1"}')
  t.equal(eventPayload({ name: '\\ud83d', changed: ['a'] }, '1'), '{"name":"\\\\ud83d","changed":["a"],"event_id":"1"}')
})

t.test('C102 whatever a name holds, the payload is JSON and gives it back', async (t) => {
  for (const name of ["Zoë (she/her) O'Neil", 'line\nbreak\u0000\u2028"\\', '‏אבג', 'x'.repeat(100_000)]) {
    t.strictSame(JSON.parse(eventPayload({ name }, '1')), { name, event_id: '1' })
  }
})
