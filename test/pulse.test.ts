import t from 'tap'
import { FRESH_MS, Pulse } from '../src/pulse.ts'

function open() {
  const clock = { ms: 0 }
  const pulse = new Pulse(() => clock.ms)
  const due = () => pulse.due('nemo', () => ({ state: 'ok' }))
  return { clock, pulse, due }
}

t.test('messages flow only after a pulse has come through, and only as long as it is fresh', async (t) => {
  const { clock, pulse, due } = open()
  t.notOk(pulse.isFresh, 'nothing has come through yet')
  const first = due()
  t.match(first, { topic: 'nemo/bridge/health', retain: true, origin: null })
  t.match(JSON.parse(first?.payload ?? ''), { state: 'ok', pulse: 1 })
  t.notOk(pulse.isFresh, 'being queued proves nothing')
  clock.ms = 3_000
  if (first !== undefined) pulse.delivered(first)
  t.equal(pulse.ageMs, 3_000, 'its age counts from the moment at which it was made')
  clock.ms = FRESH_MS
  t.ok(pulse.isFresh)
  clock.ms = FRESH_MS + 1
  t.notOk(pulse.isFresh)
})

t.test('one pulse is under way at a time, and one that vanished is given up', async (t) => {
  const { clock, pulse, due } = open()
  const first = due()
  clock.ms = 30_000
  t.equal(due(), undefined, 'the broker is away: one waits for it, not an hour of them')
  if (first !== undefined) pulse.delivered(first)
  t.notOk(pulse.isFresh, 'it is old news')
  const second = due()
  t.ok(second, 'the next one follows at once')
  clock.ms += 60_000
  const third = due()
  t.ok(third)
  if (second !== undefined) pulse.delivered(second)
  t.notOk(pulse.isFresh, 'one that was given up proves nothing')
  pulse.reset()
  t.ok(due(), 'after a new claim on the queue')
})

t.test('a message of another topic, or an old health message, is no pulse', async (t) => {
  const { pulse, due } = open()
  const first = due()
  pulse.delivered({ topic: 'nemo/bridge/health', payload: '{}', retain: true, entity: 'x', origin: null, queuedAt: 1 })
  t.notOk(pulse.isFresh)
  if (first !== undefined) pulse.delivered(first)
  t.ok(pulse.isFresh)
})
