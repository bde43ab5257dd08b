import t from 'tap'
import type { Change } from '../../src/change.ts'
import { choiceOf } from '../../src/choose/choice.ts'
import { CHOICE_DEFAULTS, type ChoiceSettings } from '../../src/choose/choice-settings.ts'
import { CHOICE_RULES } from '../../src/choose/problems.ts'
import { mapChange, payloadOf } from '../../src/map/index.ts'
import type { Lookup } from '../../src/map/lookup.ts'

const NO_LOOKUP = {} as Lookup

function emitted(topic: unknown, payload: unknown = '1'): Change {
  const row = { topic, payload }
  return { id: '1', at: '2026-11-25T04:34:05Z', table: 'nemo_mqtt.emit', operation: 'INSERT', old: null, new: row }
}

t.test('an object gets its event_id last, anything else is sent as it is', async (t) => {
  const expected = {
    '{"b": 1.10, "a": 9007199254740993}': '{"b": 1.10, "a": 9007199254740993, "event_id": "lab-1-0"}',
    '{}': '{"event_id": "lab-1-0"}',
    '{"event_id": "mine"}': '{"event_id": "mine"}',
    '[1, 2]': '[1, 2]',
    '"{x}"': '"{x}"',
    null: 'null',
  }
  for (const [payload, text] of Object.entries(expected)) {
    const [event] = mapChange(emitted('door/3', payload), NO_LOOKUP)
    t.match(event, { topic: 'door/3', entity: 'door/3' })
    t.equal(event && payloadOf(event.body, 'lab-1-0'), text)
  }
})

t.test('a topic that cannot be used sets the message aside, with the reason', async (t) => {
  const reasons: ReadonlyArray<readonly [unknown, RegExp]> = [
    [null, /its topic null is NULL/],
    ['', /is empty/],
    ['a/+/b', /wildcard/],
    ['a//b', /empty level/],
    ['/a', /empty level/],
    ['a/ ', /empty level/],
    ['a\nb', /control character/],
    ['a\ud800b', /no character/],
    ['a\uffffb', /no character/],
    ['bridge/state', /is below bridge/],
    ['bridge', /is below bridge/],
    ['x'.repeat(60_001), /longer than 60000 bytes/],
    ['é'.repeat(30_001), /longer than 60000 bytes/],
  ]
  for (const [topic, reason] of reasons) {
    t.throws(() => mapChange(emitted(topic), NO_LOOKUP), { code: 'NEMO_MQTT_ERR_CHANGE', message: reason })
  }
  t.throws(() => mapChange(emitted('a', 5), NO_LOOKUP), { code: 'NEMO_MQTT_ERR_CHANGE' })
  t.equal(mapChange(emitted('bridges/$x/é'), NO_LOOKUP).length, 1)
})

t.test('the event filter knows it as custom, and by its own event; nothing else touches it', async (t) => {
  const isSent = (changed: Partial<ChoiceSettings>, payload = '{"event": "door_opened", "title": "x"}') => {
    const settings = { ...CHOICE_DEFAULTS, ...changed }
    for (const [name, rule] of CHOICE_RULES) t.equal(rule(settings), undefined, name)
    return choiceOf(settings).choose(mapChange(emitted('door/3', payload), NO_LOOKUP), () => null).sent
  }
  for (const filter of ['*', 'custom', 'custom:door_*', '*, !task_*', 'tool_*, custom', '!custom:window_*']) {
    t.equal(isSent({ event_filter: filter }).length, 1, filter)
  }
  for (const filter of ['tool_*', '*, !custom', '*, !custom:door_*', 'custom:window_*']) {
    t.equal(isSent({ event_filter: filter }).length, 0, filter)
  }
  t.equal(isSent({ event_filter: 'custom:door_*' }, '5').length, 0, 'it has no event')
  const chosen = { privacy: true, topic_template: '{prefix}/{event}', topic_prefix: 'lab', tool_filter: 'none' }
  t.match(isSent(chosen), [{ topic: 'lab/door/3', body: { json: /"title": "x"/ } }])
})
