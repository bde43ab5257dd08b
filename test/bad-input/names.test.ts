import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { startProxy } from '../../lab/proxy.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { brokerAt, openRig } from '../publish/rig.ts'

/** Entries that nobody should have pushed, between good ones. */
t.setTimeout(60_000)

t.test('C61 poison at the head: each parked with its reason, the good ones are published', async (t) => {
  const broker = await startBroker()
  t.teardown(() => broker.kill())
  const subscriber = await startSubscriber({ url: broker.url, topics: ['nemo/tools/#'] })
  t.teardown(() => subscriber.stop())
  const rig = await openRig(t, brokerAt(broker.port))
  const poison: ReadonlyArray<readonly [string, RegExp]> = [
    ['not json', /is not JSON/],
    ['', /is not JSON/],
    ['{}', /topic of type undefined/],
    ['{"topic":null}', /topic of type null/],
    ['[]', /is an array/],
    ['"str"', /is a string/],
    ['null', /is null/],
    ['{"__proto__":{"topic":"nemo/x"},"payload":"x"}', /topic of type undefined/],
    ['{"topic":"nemo/x","payload":{"no":"string"}}', /payload of type object/],
    [`{"topic":"nemo/x","payload":"${'x'.repeat(5_000_000)}`, /is not JSON/],
    [JSON.stringify({ topic: '', payload: 'x' }), /the topic is empty/],
    [JSON.stringify({ topic: 'nemo/tools/+/start', payload: 'x' }), /wildcard/],
    [JSON.stringify({ topic: 'nemo/tools/#', payload: 'x' }), /wildcard/],
    [JSON.stringify({ topic: '$SYS/broker', payload: 'x' }), /begins with \$/],
    [JSON.stringify({ topic: 'nemo/tools/a\u0000b', payload: 'x' }), /control character/],
    [JSON.stringify({ topic: 'nemo/tools/a\nb', payload: 'x' }), /control character/],
    [JSON.stringify({ topic: 'nemo/tools/\ud83d', payload: 'x' }), /not valid Unicode/],
    [JSON.stringify({ topic: 'x'.repeat(70_000), payload: 'x' }), /longer than 65535 bytes/],
  ]
  await rig.pushTexts(poison.map(([text]) => text))
  await rig.pushAll([
    ['nemo/tools/1', 'good'],
    ['nemo/tools/1', 'too'],
  ])
  rig.start()
  t.equal(await rig.drained(), poison.length)
  await subscriber.waitFor(2)
  t.strictSame(
    subscriber.messages.map(({ payload }) => payload),
    ['good', 'too'],
  )
  const parked = (await rig.client.lrange(KEYS.parked, 0, -1)).map((text) => JSON.parse(text) as Record<string, string>)
  for (const [text, reason] of poison) {
    const found = parked.find(({ entry }) => entry === text)
    t.match(found, { reason, time: /^\d{4}-/ }, JSON.stringify(text.slice(0, 40)))
  }
  t.equal(rig.lines.filter(({ msg }) => /it is parked/.test(msg)).length, poison.length, 'each is logged')
  t.equal(rig.claims, 1, 'no crash loop')
})

t.test('C62 odd but legal topics: delivered as they are, on one link', async (t) => {
  const broker = await startBroker()
  t.teardown(() => broker.kill())
  const proxy = await startProxy({ targetPort: broker.port })
  t.teardown(() => proxy.stop())
  const subscriber = await startSubscriber({ url: broker.url, topics: ['#'] })
  t.teardown(() => subscriber.stop())
  const rig = await openRig(t, brokerAt(proxy.port))
  const topics = [
    'nemo/tools/Ångström E-beam (old) / α',
    'nemo/tools/😀/start',
    'nemo//tools',
    '/leading',
    'trailing/',
    'nemo/tools/ ',
    'nemo/tools/"quotes"\\',
    'nemo/tools/\u2028',
    'nemo/$inside',
    `nemo/${'x'.repeat(60_000)}`,
  ]
  const payloads = [
    '',
    ' ',
    '\u0000',
    '\u0007 \u001b[31m',
    '😀'.repeat(1_000),
    '</script><script>alert(1)</script>',
    '"',
    '\\',
  ]
  await rig.pushAll(topics.map((topic, n) => [topic, payloads[n % payloads.length] ?? '']))
  rig.start()
  t.equal(await rig.drained(), 0)
  const received = (): Array<readonly [string, string]> =>
    subscriber.messages.filter(({ topic }) => !topic.endsWith('/state')).map(({ topic, payload }) => [topic, payload])
  await subscriber.waitFor(({ topic }) => topic === topics.at(-1))
  t.strictSame(new Map(received()), new Map(topics.map((topic, n) => [topic, payloads[n % payloads.length] ?? ''])))
  t.equal(proxy.accepted, 1, 'the link never ended')
})

t.test('a full parked list: said, the bad ones keep their place, the rest flows on', async (t) => {
  const broker = await startBroker()
  t.teardown(() => broker.kill())
  const subscriber = await startSubscriber({ url: broker.url, topics: ['nemo/tools/#'] })
  t.teardown(() => subscriber.stop())
  const rig = await openRig(t, brokerAt(broker.port))
  for (let n = 0; n < 10; n += 1) await rig.client.lpush(KEYS.parked, ...Array<string>(1_000).fill('{}'))
  await rig.pushTexts(['bad 1', 'bad 2'])
  await rig.push('nemo/tools/+')
  await rig.push('nemo/tools/1', 'good')
  rig.start()
  await subscriber.waitFor(1)
  await rig.logged(({ stage, msg }) => stage === 'bridge' && /10000 messages are parked/.test(msg), 'the full list')
  await rig.push('nemo/tools/1', 'later')
  await subscriber.waitFor(2)
  t.match(await rig.lists(), { parked: 10_000, inFlight: 3 }, 'nothing was dropped')
  await rig.stop()
  t.match(await rig.lists(), { parked: 10_000, queue: 3, inFlight: 0 })
})
