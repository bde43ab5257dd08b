import { createHmac } from 'node:crypto'
import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'

const SECRET = 'clé secrète'

function signed(payload: string, secret = SECRET, algo = 'sha256'): string {
  return JSON.stringify({ payload, hmac: createHmac('sha256', secret).update(payload).digest('hex'), algo })
}

t.test('envelopes are opened and every kind of wrong signature is told', async (t) => {
  const broker = await startBroker()
  t.teardown(() => broker.stop())
  const subscriber = await startSubscriber({ url: broker.url, secret: SECRET })
  t.teardown(() => subscriber.stop())
  const sent = [
    signed('{"event":"tool_updated"}'),
    signed('{}', 'another key'),
    signed('{}', SECRET, 'md5'),
    '{"event":"unsigned"}',
    'no JSON',
    signed('{}').replace('{}', '{ }'),
  ]
  for (const text of sent) await subscriber.client.publishAsync('a', text, { qos: 1 })
  const messages = await subscriber.waitFor(sent.length)
  t.match(messages[0], { parsed: { event: 'tool_updated' }, raw: sent[0], fault: undefined })
  t.strictSame(
    messages.map(({ fault }) => fault),
    [
      undefined,
      'the signature does not match',
      'algo is "md5"',
      'not an envelope',
      'not JSON',
      'the signature does not match',
    ],
  )
  t.equal(subscriber.faults.length, 5)
})

t.test('what arrives while it is away is there when it comes back, from a broker that persists', async (t) => {
  const broker = await startBroker({ kind: 'mosquitto', configuration: ['persistence true'] })
  t.teardown(() => broker.stop())
  const identity = { url: broker.url, clientId: 'display-7', topics: ['nemo/#'] }
  const first = await startSubscriber(identity)
  await first.stop()
  const publisher = await startSubscriber({ url: broker.url, topics: ['none'] })
  t.teardown(() => publisher.stop())
  const properties = { userProperties: { id: '7' } }
  await publisher.client.publishAsync('nemo/x', '1', { qos: 1, properties })
  await broker.stop()
  await broker.start()
  await until(() => publisher.client.connected, { what: 'reconnection' })
  const second = await startSubscriber(identity)
  t.teardown(() => second.stop())
  const message = await second.waitFor(({ payload }) => payload === '1')
  t.match(message, { topic: 'nemo/x', parsed: 1, qos: 1, properties })
})

t.test('messages can be iterated, from the first one on and as they come', async (t) => {
  const broker = await startBroker()
  t.teardown(() => broker.stop())
  const subscriber = await startSubscriber({ url: broker.url })
  t.teardown(() => subscriber.stop())
  await subscriber.client.publishAsync('a', '1', { qos: 1 })
  await subscriber.waitFor(1)
  const seen: string[] = []
  for await (const { payload } of subscriber) {
    seen.push(payload)
    if (seen.length === 3) break
    await subscriber.client.publishAsync('a', String(seen.length + 1), { qos: 1 })
  }
  t.strictSame(seen, ['1', '2', '3'])
})

t.test('a wait that is in vain tells what came instead', async (t) => {
  const broker = await startBroker()
  t.teardown(() => broker.stop())
  const subscriber = await startSubscriber({ url: broker.url })
  t.teardown(() => subscriber.stop())
  await subscriber.client.publishAsync('nemo/a', 'something else', { qos: 1 })
  await subscriber.waitFor(1)
  await t.rejects(subscriber.waitFor(2, 50), /waited 50 ms for 2 messages; 1 arrived\n {2}nemo\/a something else/)
})
