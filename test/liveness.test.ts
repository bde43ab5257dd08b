import t from 'tap'
import { Liveness } from '../src/liveness.ts'

t.test('a loop is stuck when it has not turned for a minute, and not when it has ended', async (t) => {
  const clock = { ms: 0 }
  const liveness = new Liveness(() => clock.ms)
  t.strictSame(liveness.stuck(), [], 'nothing runs yet')
  liveness.turn('listener')
  liveness.turn('bridge')
  clock.ms = 60_000
  liveness.turn('bridge')
  clock.ms = 60_001
  t.strictSame(liveness.stuck(), ['listener'])
  liveness.turn('listener')
  t.strictSame(liveness.stuck(), [])
  clock.ms = 200_000
  liveness.ended('bridge')
  t.strictSame(liveness.stuck(), ['listener'])
})
