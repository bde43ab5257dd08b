import t from 'tap'
import { startBroker } from '../lab/broker.ts'
import { until } from '../lab/wait.ts'
import { Liveness } from '../src/liveness.ts'
import { brokerAt, openRig } from './publish/rig.ts'

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

t.test('the bridge turns, and is stuck while a step of it does not end', async (t) => {
  const broker = await startBroker()
  t.teardown(() => broker.kill())
  const rig = await openRig(t, brokerAt(broker.port))
  rig.start()
  const turns = async (): Promise<boolean> => {
    rig.clock.aheadMs += 61_000
    return await until(() => rig.liveness.stuck().length === 0, { deadlineMs: 1_000, what: 'a turn' }).then(Boolean)
  }
  await until(() => rig.claims === 1, { what: 'the claim' })
  t.ok(await turns(), 'it turns by itself, with nothing to do')
  rig.redis.freeze()
  await until(
    () => {
      rig.clock.aheadMs += 61_000
      return rig.liveness.stuck().includes('bridge')
    },
    { what: 'the bridge to be found stuck' },
  )
  rig.redis.thaw()
  await until(() => rig.liveness.stuck().length === 0, { what: 'the next turn' })
})
