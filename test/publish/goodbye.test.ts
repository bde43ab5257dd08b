import t from 'tap'
import { until } from '../../lab/wait.ts'
import { type Peer, type Published, startStubBroker } from '../fixtures/stub-broker.ts'
import { brokerAt, openRig, upTo } from './rig.ts'

/** How a link ends when we end it, and how often people hear of one that does not last. */
t.setTimeout(60_000)
t.jobs = 3 // nearly all of it is waiting

const isState = ({ topic }: Published): boolean => topic.endsWith('/state')

t.test(
  'C80 a stop says goodbye, also when the broker owes us an answer: otherwise it would send the will',
  { buffered: true },
  async (t) => {
    const stub = await startStubBroker({ answer: (message) => (isState(message) ? 0 : 'withhold') })
    t.teardown(() => stub.stop())
    const rig = await openRig(t, brokerAt(stub.port))
    await rig.push('nemo/tools/1')
    rig.start()
    await stub.got(1)
    await rig.stop()
    await until(() => stub.packets.at(-1)?.cmd === 'disconnect', { deadlineMs: 1_000, what: 'a DISCONNECT' })
    t.equal(stub.published.at(-1)?.payload, 'stopped')
  },
)

t.test('a stop does not wait for a broker that has not acknowledged `online`', { buffered: true }, async (t) => {
  const stub = await startStubBroker({ answer: () => 'withhold' })
  t.teardown(() => stub.stop())
  const rig = await openRig(t, brokerAt(stub.port))
  rig.start()
  await until(() => stub.published.some(isState), { what: 'online' })
  const since = performance.now()
  await rig.stop()
  t.ok(performance.now() - since < 1_000, `${performance.now() - since} ms`)
  await until(() => stub.open === 0, { deadlineMs: 1_000, what: 'the end of the connection' })
})

t.test(
  'a broker that talks nonsense costs a link at most: nothing is lost, nothing is parked',
  { buffered: true },
  async (t) => {
    const publish = { cmd: 'publish', topic: 'nemo/x', payload: 'x', dup: false, retain: false } as const
    const nonsense: ReadonlyArray<(peer: Peer) => void> = [
      ({ sendBytes }) => sendBytes(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
      ({ sendBytes }) => sendBytes(Buffer.from([0x40, 0xff, 0xff, 0xff, 0x7f, 0x00])), // a PUBACK of 256 MB
      ({ sendBytes }) => sendBytes(Buffer.from([0x00, 0x00, 0xf0, 0x00, 0xff, 0xff])),
      ({ send }) => send({ cmd: 'puback', messageId: 40_000, reasonCode: 0 }),
      ({ send }) => send({ cmd: 'puback', messageId: 0, reasonCode: 0x87 }),
      ({ send }) => send({ cmd: 'suback', messageId: 3, granted: [0x87] }, { cmd: 'pingresp' }),
      ({ send }) =>
        send({ cmd: 'pubrec', messageId: 1, reasonCode: 0 }, { cmd: 'pubcomp', messageId: 1, reasonCode: 0 }),
      ({ send }) =>
        send({ ...publish, qos: 0 }, { ...publish, qos: 1, messageId: 7 }, { ...publish, qos: 2, messageId: 8 }),
      ({ send }) => send({ cmd: 'connack', sessionPresent: true, reasonCode: 0, returnCode: 0 }),
      ({ send }) => send({ cmd: 'disconnect', reasonCode: 0x9b }),
    ]
    let said = 0
    const seen = new Set<string>()
    const isNew = ({ topic, payload }: Published): boolean => seen.size < seen.add(`${topic} ${payload}`).size
    const stub = await startStubBroker({
      // Some are under way when the nonsense comes, but each only once: a message that ends link after link is parked.
      answer: (message) => (isState(message) || !isNew(message) ? 0 : 'withhold'),
      onConnected: (peer) => {
        const say = nonsense[said]
        said += 1
        if (say !== undefined) setTimeout(() => say(peer), 20)
        setTimeout(peer.close, 200)
      },
    })
    t.teardown(() => stub.stop())
    const rig = await openRig(t, brokerAt(stub.port))
    rig.start()
    for (const n of nonsense.keys()) {
      await rig.pushAll(upTo(3).map((tool) => [`nemo/tools/${tool}`, String(n)]))
      await until(() => said > n + 1, { what: `the link after nonsense ${n}` })
    }
    stub.script = {}
    t.equal(await rig.drained(), 0)
    for (const tool of upTo(3)) {
      const got = stub.published
        .filter(({ topic }) => topic === `nemo/tools/${tool}`)
        .map(({ payload }) => Number(payload))
      t.strictSame([...new Set(got)], [...nonsense.keys()])
    }
  },
)

t.test(
  'C72 a link that never lasts is told a few times, not at every turn, and when it lasts again',
  { buffered: true },
  async (t) => {
    let isEnding = true
    const stub = await startStubBroker({
      onConnected: ({ close }) => {
        if (isEnding) setTimeout(close, 50)
      },
    })
    t.teardown(() => stub.stop())
    const rig = await openRig(t, brokerAt(stub.port))
    rig.start()
    await until(() => stub.connects.length >= 10, { deadlineMs: 20_000, what: 'ten links' })
    const told = rig.lines.filter(({ stage }) => stage === 'broker' || stage === 'bridge')
    t.ok(told.length <= 10, `${told.length} lines about ten links`)
    t.equal(told.filter(({ todo }) => /same client id/.test(todo ?? '')).length, 1, 'the likely cause is named')
    t.equal(rig.health.of('broker').state, 'failing')
    const from = rig.lines.length
    isEnding = false
    await rig.logged(({ msg }) => /lasts again/.test(msg), 'the end of the trouble', 15_000, from)
    await rig.pushAll(upTo(5).map((n) => [`nemo/tools/${n}`, '{}']))
    t.equal(await rig.drained(), 0)
  },
)
