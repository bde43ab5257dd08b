import t from 'tap'
import { mapChange, payloadOf } from '../../src/map/index.ts'
import { signEnvelope } from '../../src/sign/envelope.ts'
import { openEnvelope } from '../../src/sign/verify.ts'
import { goldenLookup, goldenTables, readGolden } from '../map/golden.ts'

/**
 * What a display server of the NEMO family makes of a message: the last level of the topic alone says the state, and
 * the payload who and since when. It was tried with the real one; these are its rules, so that no change of ours
 * makes a display wrong.
 */
const STATES: Readonly<Record<string, string>> = {
  start: 'active',
  end: 'available',
  enabled: 'available',
  disabled: 'off',
}

interface Shown {
  readonly tool: number
  readonly state: string
  readonly user: string
  readonly since: Date
}

function display(topic: string, wire: string, key: string): Shown | undefined {
  const [prefix, kind, , level = ''] = topic.split('/')
  const state = STATES[level]
  const text = openEnvelope(wire, key)
  if (prefix !== 'nemo' || kind !== 'tools' || state === undefined || text === undefined) return undefined
  const fields = JSON.parse(text) as Record<string, string | number | null>
  const { [level === 'start' ? 'start_time' : level === 'end' ? 'end_time' : 'timestamp']: time } = fields
  // A stricter reader than most: Python before 3.11 knows no Z, so the server puts +00:00 in its place.
  const since = new Date(String(time).replace('Z', '+00:00'))
  return {
    tool: Number(fields.tool_id),
    state,
    user:
      String(fields.user_name ?? '')
        .split('(')[0]
        ?.trim() ?? '',
    since,
  }
}

const KEY = 'lab secret'
const EXPECTED: Readonly<Record<string, string>> = {
  tool_usage_start: 'active',
  tool_usage_end: 'available',
  tool_enabled: 'available',
  tool_disabled: 'off',
}

t.test('every event of a tool shows what it means, and no other one shows anything', async (t) => {
  const seen = new Set<string>()
  for (const golden of goldenTables().flatMap(readGolden)) {
    let events: ReturnType<typeof mapChange>
    try {
      events = mapChange(golden.change, goldenLookup(golden))
    } catch {
      continue // a change that cannot be mapped at all: other tests look at those
    }
    for (const [index, { topic, body }] of events.entries()) {
      const wire = signEnvelope(payloadOf(body, `x-1-${index}`), KEY)
      const shown = display(`nemo/${topic}`, wire, KEY)
      t.equal(shown?.state, EXPECTED[body.event], `${golden.file}: ${body.event}`)
      if (shown === undefined || !('tool_id' in body)) continue
      seen.add(body.event)
      t.equal(shown.tool, Number(body.tool_id))
      const time =
        body.event === 'tool_usage_start'
          ? body.start_time
          : body.event === 'tool_usage_end'
            ? body.end_time
            : body.timestamp
      t.ok(time === null || !Number.isNaN(shown.since.getTime()), `${golden.file}: ${time} can be read`)
      if (
        'first_name' in body &&
        body.first_name &&
        body.last_name &&
        !/\(/.test(`${body.first_name}${body.last_name}`)
      ) {
        t.equal(shown.user, `${body.first_name} ${body.last_name}`.trim())
      }
      t.equal(display(`nemo/${topic}`, wire, `${KEY}!`), undefined, 'another key shows nothing')
    }
  }
  t.strictSame([...seen].sort(), Object.keys(EXPECTED).sort(), 'every one was seen')
})
