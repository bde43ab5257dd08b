import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { temporaryFolder } from '../../lab/folder.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { type Answer, startStubBroker } from '../fixtures/stub-broker.ts'
import { brokerAt, openRig, upTo } from './rig.ts'

/** What waits behind a message that the broker does not take, and what does not. */
t.setTimeout(120_000)

for (const [what, trouble] of [
  ['is refused again and again (0x97)', 0x97],
  ['ends the link', 'close'],
] as const) {
  t.test(`three thousand messages behind one that ${what} hold up nobody else`, async (t) => {
    let answer: Answer = trouble
    const stub = await startStubBroker({ answer: ({ topic }) => (topic === 'nemo/tools/5' ? answer : 0) })
    t.teardown(() => stub.stop())
    const rig = await openRig(t, brokerAt(stub.port))
    await rig.pushAll(upTo(3_000).map((n) => ['nemo/tools/5', String(n)]))
    await rig.pushAll(upTo(200).map((n) => [`nemo/areas/${n % 20}`, String(n)]))
    rig.start()
    const areas = (): number => new Set(stub.published.filter(isOfArea).map(({ payload }) => payload)).size
    await until(() => areas() === 200, { what: 'the messages of all areas' })
    await until(async () => (await rig.lists()).inFlight === 3_000, { what: 'those of the tool alone to wait' })
    t.match(await rig.lists(), { queue: 0, parked: 0 })
    answer = 0
    t.equal(await rig.drained(), 0)
    const inOrder = stub.published.filter(({ topic }) => topic === 'nemo/tools/5').map(({ payload }) => Number(payload))
    t.strictSame([...new Set(inOrder)], upTo(3_000), 'and are delivered in their order')
  })
}

const isOfArea = ({ topic }: { topic: string }): boolean => topic.startsWith('nemo/areas/')

t.test(
  'C65 a broker that accepts nothing from us: told, nothing is parked, all is delivered once it may',
  async (t) => {
    const acl = join(temporaryFolder('acl'), 'acl')
    writeFileSync(acl, 'user reader\ntopic readwrite #\n', { mode: 0o644 })
    // Without a number mosquitto 2.0 answers a denied message and then hangs up.
    const configuration = [`acl_file ${acl}`, 'max_queued_messages 1000']
    const broker = await startBroker({ kind: 'mosquitto', configuration })
    t.teardown(() => broker.kill())
    if (broker.kind !== 'mosquitto') throw new Error('a real mosquitto is needed')
    const subscriber = await startSubscriber({ url: broker.url, connection: { username: 'reader' } })
    t.teardown(() => subscriber.stop())
    const rig = await openRig(t, brokerAt(broker.port, { NEMO_MQTT_USERNAME: 'bridge' }))
    await rig.pushAll(upTo(40).map((n) => [`nemo/tools/${n % 4}`, String(n)]))
    rig.start()
    await rig.logged(({ msg }) => /refuses nemo\/bridge\/state: not authorized/.test(msg), 'the alarm of the link')
    const alarm = await rig.logged(
      ({ stage, state }) => stage === 'bridge' && state === 'failing',
      'that of the bridge',
    )
    t.match(alarm.msg, /the broker refuses messages, which wait: not authorized \(0x87\)/)
    t.ok(rig.traffic.counts.refused > 4 * 3, 'more often than would park a message that alone is refused')
    t.match(await rig.lists(), { queue: 0, inFlight: 40, parked: 0 })
    writeFileSync(acl, 'user reader\ntopic readwrite #\nuser bridge\ntopic write nemo/#\n')
    process.kill(broker.pid ?? 0, 'SIGHUP')
    t.equal(await rig.drained(), 0, 'without a restart of anything')
    await subscriber.waitFor(40)
    for (const tool of upTo(4)) {
      const mine = subscriber.messages.filter(({ topic }) => topic === `nemo/tools/${tool}`)
      t.strictSame(
        mine.map(({ payload }) => Number(payload)),
        upTo(10).map((n) => n * 4 + tool),
      )
    }
    await rig.logged(({ stage, state }) => stage === 'bridge' && state === 'ok', 'the end of the alarm')
    await rig.logged(({ stage, state }) => stage === 'broker' && state === 'ok', 'and of the other')
  },
)
