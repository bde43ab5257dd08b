import t from 'tap'
import { mapChange, payloadOf } from '../../src/map/index.ts'
import { signEnvelope } from '../../src/sign/envelope.ts'
import { display } from '../fixtures/display.ts'
import { goldenLookup, goldenTables, readGolden } from '../map/golden.ts'

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
      const isNobody = 'user_name' in body && body.user_name === null
      t.equal(shown?.state, isNobody ? undefined : EXPECTED[body.event], `${golden.file}: ${body.event}`)
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
