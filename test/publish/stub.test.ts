import dns from 'node:dns'
import t from 'tap'
import { until } from '../../lab/wait.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { type Answer, type Published, startStubBroker } from '../fixtures/stub-broker.ts'
import { brokerAt, openRig, upTo } from './rig.ts'

/** Brokers that refuse, fall silent or hang up, played by a stub. */
t.setTimeout(120_000)
t.jobs = 4 // nearly all of it is waiting

/** Acknowledges the bridge's own state and nothing else. */
const onlyState = ({ topic }: Published): Answer => (topic.endsWith('/bridge/state') ? 0 : 'withhold')

/** The numbers that arrived on a topic, in order, each once. */
function numbersOn(published: readonly Published[], topic: string): number[] {
  return [...new Set(published.filter((one) => one.topic === topic).map(({ payload }) => Number(payload)))]
}

t.test(
  'C66 a broker that hangs up on one topic: parked after a few tries, the others flow',
  { buffered: true },
  async (t) => {
    const answer = ({ topic }: Published): Answer => (topic.startsWith('nemo/tools/5/') ? 'close' : 0)
    const stub = await startStubBroker({ answer })
    t.teardown(() => stub.stop())
    const rig = await openRig(t, brokerAt(stub.port))
    const topics = upTo(10).map((tool) => `nemo/tools/${tool}/start`)
    await rig.pushAll([...topics, ...topics].map((topic, n) => [topic, String(n)]))
    rig.start()
    await until(() => topics.every((topic) => topic.includes('/5/') || numbersOn(stub.published, topic).length === 2), {
      what: 'both messages of every other tool',
    })
    t.match(await rig.lists(), { parked: 0 }, 'the others did not wait until the bad one was given up')
    t.equal(await rig.drained(30_000), 2, 'the messages of tool 5 are parked')
    for (const reason of await rig.reasons()) t.match(reason, /closed the connection 3 times on this message alone/)
    for (const [tool, topic] of topics.entries()) t.strictSame(numbersOn(stub.published, topic), [tool, tool + 10])
  },
)

t.test('C70 ten messages without an answer, then the end of the link, fifty times', { buffered: true }, async (t) => {
  // Five bridges with ten rounds each, beside one another: a round is mostly waiting for the next link.
  const rounds = async (): Promise<number> => {
    let mayAnswer = false
    const answer = ({ topic }: Published): Answer => (topic.endsWith('/state') || mayAnswer ? 0 : 'withhold')
    const stub = await startStubBroker({ answer })
    t.teardown(() => stub.stop())
    const rig = await openRig(t, brokerAt(stub.port))
    rig.start()
    for (const round of upTo(10)) {
      mayAnswer = false
      const already = stub.topics().length
      await rig.pushAll(upTo(10).map((n) => [`nemo/tools/${n}`, String(round)]))
      await until(() => stub.topics().length >= already + 10, { what: 'ten unanswered messages' })
      t.equal((await rig.lists()).inFlight, 10)
      mayAnswer = true
      stub.closeAll()
      t.equal(await rig.drained(), 0, 'nothing was parked')
      t.equal(stub.topics().length, already + 20, 'each was sent once more')
    }
    for (const n of upTo(10)) t.strictSame(numbersOn(stub.published, `nemo/tools/${n}`), upTo(10))
    t.equal(await rig.client.llen(KEYS.monitor), 100, 'each was removed once')
    await rig.stop()
    return 10
  }
  const done = await Promise.all(upTo(5).map(rounds))
  t.equal(
    done.reduce((sum, n) => sum + n, 0),
    50,
  )
})

t.test(
  'C76 never more unanswered than the broker’s Receive Maximum, a lost Redis included',
  { buffered: true },
  async (t) => {
    const stub = await startStubBroker({ connack: { properties: { receiveMaximum: 3 } }, answer: onlyState })
    t.teardown(() => stub.stop())
    const rig = await openRig(t, brokerAt(stub.port))
    await rig.pushAll(upTo(40).map((n) => [`nemo/tools/${n % 7}`, String(n)]))
    rig.start()
    await until(() => stub.topics().length === 3, { what: 'three unanswered messages' })
    const { claims } = rig
    await rig.client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await until(() => rig.claims > claims, { what: 'a new claim on the queue, on the same link' })
    await rig.logged(({ stage, state }) => stage === 'redis' && state === 'ok', 'Redis again')
    await until(async () => (await rig.lists()).inFlight === 40, { what: 'everything to be taken again' })
    t.equal(stub.topics().length, 3, 'what the earlier claim sent has its place in the window')
    stub.script = { ...stub.script, answer: () => 0 }
    stub.closeAll()
    await rig.drained()
    t.equal(stub.mostUnanswered, 3)
  },
)

t.test(
  'C82 a broker that never acknowledges: a fixed window, "no PUBACK" in the log, nothing hangs',
  { buffered: true },
  async (t) => {
    const stub = await startStubBroker({ answer: onlyState })
    t.teardown(() => stub.stop())
    const rig = await openRig(t, brokerAt(stub.port))
    await rig.pushAll(upTo(5_000).map((n) => [`nemo/tools/${n}`, String(n)]))
    rig.start()
    await rig.logged(({ msg }) => /no PUBACK within 10 s/.test(msg), '"no PUBACK"', 15_000)
    t.ok(stub.mostUnanswered <= 200, `${stub.mostUnanswered} unanswered at most`)
    t.ok((await rig.lists()).inFlight <= 1_000)
    stub.script = {}
    t.equal(await rig.drained(30_000), 0, 'once it acknowledges, everything is delivered')
    t.equal(new Set(stub.topics()).size, 5_000)
  },
)

t.test('C82 a stop does not wait for a broker that has fallen silent', { buffered: true }, async (t) => {
  const stub = await startStubBroker({ answer: onlyState })
  t.teardown(() => stub.stop())
  const rig = await openRig(t, brokerAt(stub.port))
  await rig.push('nemo/tools/1')
  rig.start()
  await stub.got(1)
  stub.script = { answer: () => 'withhold' }
  const since = Date.now()
  await rig.stop()
  t.ok(Date.now() - since < 4_000, `stopped in ${Date.now() - since} ms`)
  t.strictSame(await rig.lists(), { queue: 1, inFlight: 0, parked: 0 }, 'the message is in the queue again')
})

t.test(
  'quota for one tool: retried, its later messages wait, everybody else flows, all in order',
  { buffered: true },
  async (t) => {
    let refusals = 0
    const answer = ({ topic }: Published): Answer => (topic === 'nemo/tools/5' && ++refusals <= 3 ? 0x97 : 0)
    const stub = await startStubBroker({ answer })
    t.teardown(() => stub.stop())
    const rig = await openRig(t, brokerAt(stub.port))
    await rig.pushAll(upTo(60).map((n) => [`nemo/tools/${n % 6}`, String(n)]))
    rig.start()
    t.equal(await rig.drained(), 0)
    const fifth = stub.published.filter(({ topic }) => topic === 'nemo/tools/5').map(({ payload }) => Number(payload))
    t.strictSame(fifth, [5, 5, 5, 5, 11, 17, 23, 29, 35, 41, 47, 53, 59], 'the first again and again, then the rest')
    const firstOfFifth = stub.published.findIndex(({ topic, payload }) => topic === 'nemo/tools/5' && payload === '11')
    const before = stub.published.slice(0, firstOfFifth).filter(({ topic }) => /tools\/[^5]/.test(topic))
    t.equal(before.length, 50, 'the others were through by then')
    for (const tool of upTo(5)) {
      t.strictSame(
        numbersOn(stub.published, `nemo/tools/${tool}`),
        upTo(10).map((n) => n * 6 + tool),
      )
    }
  },
)

t.test('a refusal that no repetition can change is parked after three tries', { buffered: true }, async (t) => {
  const stub = await startStubBroker({ answer: ({ topic }) => (topic === 'nemo/tools/5' ? 0x87 : 0) })
  t.teardown(() => stub.stop())
  const rig = await openRig(t, brokerAt(stub.port))
  await rig.pushAll(upTo(10).map((n) => [`nemo/tools/${n}`, '{}']))
  rig.start()
  t.equal(await rig.drained(), 1)
  t.strictSame(await rig.reasons(), ['the broker refused it 3 times: not authorized (0x87)'])
  t.equal(stub.topics().filter((topic) => topic === 'nemo/tools/5').length, 3)
})

t.test('nobody listens (0x10) is delivered, and counted', { buffered: true }, async (t) => {
  const stub = await startStubBroker({ answer: ({ topic }) => (topic === 'nemo/tools/1' ? 0x10 : 0) })
  t.teardown(() => stub.stop())
  const rig = await openRig(t, brokerAt(stub.port))
  await rig.pushAll([1, 2, 1, 3].map((n) => [`nemo/tools/${n}`, '{}']))
  rig.start()
  t.equal(await rig.drained(), 0)
  t.match(rig.traffic.counts, { delivered: 4, unheard: 2 })
})

for (const [version, atLeastMs] of [
  ['5', 3_000], // 100, 200, 400 ms and so on, each shortened by up to half
  ['3.1.1', 1_500], // told from other short links by nothing: a pause that stays the same
] as const) {
  t.test(
    `C72 another client with our id (MQTT ${version}): named, slowed down, nothing lost`,
    { buffered: true },
    async (t) => {
      let rounds = 0
      const stub = await startStubBroker({
        answer: ({ topic }) => {
          // The other one connects a moment after we have delivered something.
          if (topic.endsWith('/state') || rounds >= 8) return 0
          rounds += 1
          setImmediate(() => {
            takeOver?.()
          })
          return 0
        },
        onConnected: ({ send, close }) => {
          takeOver = () => {
            if (version === '5') send({ cmd: 'disconnect', reasonCode: 0x8e })
            close()
          }
        },
      })
      let takeOver: (() => void) | undefined
      t.teardown(() => stub.stop())
      const settings = {
        NEMO_MQTT_MQTT_VERSION: version,
        NEMO_MQTT_CLIENT_ID: 'twice',
        NEMO_MQTT_RECONNECT_DELAY: '2',
      }
      const rig = await openRig(t, brokerAt(stub.port, settings))
      await rig.pushAll(upTo(20).map((n) => ['nemo/tools/1', String(n)]))
      const since = Date.now()
      rig.start()
      await until(() => rounds >= 8, { deadlineMs: 30_000, what: 'eight take-overs' })
      t.ok(Date.now() - since > atLeastMs, `eight take-overs took ${Date.now() - since} ms, so they were slowed down`)
      t.equal(await rig.drained(), 0)
      t.strictSame(numbersOn(stub.published, 'nemo/tools/1'), upTo(20), 'nothing lost, all in order')
      const named = await rig.logged(({ todo }) => /same client id/.test(todo ?? ''), 'the likely cause')
      if (version === '5') t.match(named.msg, /session taken over \(0x8e\)/)
    },
  )
}

t.test('C83 each attempt looks the broker’s name up anew', { buffered: true }, async (t) => {
  const { lookup } = dns
  let address = '127.0.0.1'
  let lookups = 0
  // What a changed /etc/hosts would do, without touching this machine's.
  type Give = (error: Error | null, address: string | dns.LookupAddress[], family?: number) => void
  const pretend = (name: string, options: dns.LookupAllOptions, give: Give): void => {
    if (name !== 'broker.example') {
      lookup(name, options, give)
      return
    }
    lookups += 1
    process.nextTick(() => (options.all ? give(null, [{ address, family: 4 }]) : give(null, address, 4)))
  }
  dns.lookup = pretend as unknown as typeof lookup
  t.teardown(() => {
    dns.lookup = lookup
  })
  const first = await startStubBroker()
  const rig = await openRig(t, brokerAt(first.port, { NEMO_MQTT_BROKER_HOST: 'broker.example' }))
  rig.start()
  await rig.push('nemo/tools/1')
  await first.got(1)
  await first.stop()
  await until(() => lookups >= 3, { what: 'further attempts' })
  const second = await startStubBroker({ host: '127.0.0.2', port: first.port })
  t.teardown(() => second.stop())
  address = '127.0.0.2'
  await rig.push('nemo/tools/2')
  await second.got(1)
  t.strictSame(second.topics(), ['nemo/tools/2'])
})

t.test('an answer behind a DISCONNECT does not end the process', { buffered: true }, async (t) => {
  for (const clean of ['true', 'false']) {
    const held: number[] = []
    const stub = await startStubBroker({
      answer: onlyState,
      onConnected: (peer) => {
        if (peer.connection > 1) {
          stub.script = {}
          return
        }
        bye = () => {
          const answers = held.map((messageId) => ({ cmd: 'puback', messageId, reasonCode: 0 }) as const)
          peer.send({ cmd: 'disconnect', reasonCode: 0x8b }, ...answers)
        }
      },
    })
    let bye: (() => void) | undefined
    t.teardown(() => stub.stop())
    const rig = await openRig(t, brokerAt(stub.port, { NEMO_MQTT_CLEAN_SESSION: clean }))
    await rig.pushAll(upTo(5).map((n) => [`nemo/tools/${n}`, '{}']))
    rig.start()
    await stub.got(5)
    for (const packet of stub.packets) if (packet.cmd === 'publish') held.push(packet.messageId ?? 0)
    bye?.()
    t.equal(await rig.drained(), 0, `clean_session ${clean}`)
    await rig.logged(({ msg }) => /server shutting down \(0x8b\)/.test(msg), 'what the broker said')
  }
})

t.test('no answer to CONNECT: given up after 5 s, tried again, one clear line', { buffered: true }, async (t) => {
  const stub = await startStubBroker({ connack: null })
  t.teardown(() => stub.stop())
  const rig = await openRig(t, brokerAt(stub.port))
  rig.start()
  await rig.logged(({ stage, state }) => stage === 'broker' && state === 'failing', 'the failed attempt')
  t.equal(rig.lines.filter(({ stage, state }) => stage === 'broker' && state === 'failing').length, 1)
  stub.script = {}
  await rig.push('nemo/tools/1')
  await stub.got(1)
})
