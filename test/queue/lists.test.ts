import t from 'tap'
import { startProxy } from '../../lab/proxy.ts'
import { startRedis } from '../../lab/redis.ts'
import { AppError } from '../../src/errors.ts'
import { EventQueue } from '../../src/queue/event-queue.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { startStubBroker } from '../fixtures/stub-broker.ts'
import { brokerAt, openRig, upTo } from '../publish/rig.ts'

/** The lists as other programs leave them. */
t.setTimeout(60_000)

t.test('C61 entries that are no UTF-8 are parked and gone from the queue, the good ones flow', async (t) => {
  const stub = await startStubBroker()
  t.teardown(() => stub.stop())
  const rig = await openRig(t, brokerAt(stub.port))
  const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
  const bad = [
    latin1('{"topic":"nemo/tools/1","payload":"größer"}'),
    latin1('{"topic":"nemo/tools/1","payload":"grüßer"}'), // both read the same when they are taken for UTF-8
    Buffer.from([0xff, 0xfe, 0x00]),
    Buffer.from('{"topic":"a","payload":"\ud83d"}', 'utf16le'),
  ]
  for (const entry of [...bad, bad[0] as Buffer]) await rig.client.lpush(KEYS.queue, entry)
  await rig.push('nemo/tools/1', '"größer 😀"')
  rig.start()
  await stub.got(1)
  t.equal(await rig.drained(), 5)
  t.equal(stub.published.at(-1)?.payload, '"größer 😀"')
  t.match(
    await rig.reasons(),
    ['UTF-8', 'UTF-8', 'UTF-8', 'UTF-8', 'UTF-8'].map((word) => new RegExp(word)),
  )
  const { claims } = rig
  await rig.client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await rig.push('nemo/tools/1', 'after')
  await stub.got(2)
  t.ok(rig.claims > claims)
  t.equal(await rig.drained(), 5, 'the next claim does not meet them again')
})

t.test('a Redis that answers too late to be believed: told, and messages flow when it is quick again', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.kill())
  const proxy = await startProxy({ targetPort: redis.port })
  t.teardown(() => proxy.stop())
  const stub = await startStubBroker()
  t.teardown(() => stub.stop())
  const settings = brokerAt(stub.port, { NEMO_MQTT_REDIS_URL: `redis://127.0.0.1:${proxy.port}/1` })
  const rig = await openRig(t, settings, { server: redis })
  rig.start()
  await rig.push('nemo/tools/1')
  await stub.got(1)
  proxy.delay(400)
  const line = await rig.logged(({ msg }) => /Redis needs more than 0.7 s/.test(msg), 'that Redis is slow')
  t.match(line, { stage: 'bridge', state: 'failing', todo: /keeps Redis busy/ })
  proxy.delay(0)
  const from = rig.lines.length
  await rig.push('nemo/tools/1')
  await stub.got(2)
  await rig.logged(({ stage, state }) => stage === 'bridge' && state === 'ok', 'the end of it', 10_000, from)
})

t.test('a Redis without database 1: told, and database 0 stays as it is', async (t) => {
  const redis = await startRedis({ arguments: ['--databases', '1'] })
  t.teardown(() => redis.kill())
  await t.rejects(EventQueue.claim(redis.url, 'a'), {
    code: 'NEMO_MQTT_ERR_REDIS',
    message: /DB index is out of range/,
  })
  t.match(await redis.command('DBSIZE'), ':0')
})

t.test('two installations that start together: one of them gets the list, the other is refused by name', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.kill())
  for (const round of upTo(20)) {
    await redis.command('FLUSHALL')
    const ends = await Promise.allSettled(['east', 'west', 'south'].map((name) => EventQueue.claim(redis.url, name)))
    const claimed = ends.filter((end) => end.status === 'fulfilled').map(({ value }) => value)
    const refused = ends.filter((end) => end.status === 'rejected').map(({ reason }) => reason)
    t.equal(claimed.length, 1, `round ${round}`)
    for (const reason of refused) t.equal((reason as AppError).code, 'NEMO_MQTT_ERR_REDIS_TAKEN')
    await claimed[0]?.push(['the list is its own'])
    for (const queue of claimed) queue.close()
  }
})

t.test(
  'an installation claims its own list again at once, and one that is left after its status has expired',
  async (t) => {
    const redis = await startRedis()
    t.teardown(() => redis.kill())
    const first = await EventQueue.claim(redis.url, 'east')
    const again = await EventQueue.claim(redis.url, 'east')
    await t.rejects(EventQueue.claim(redis.url, 'west'), AppError)
    const rig = await openRig(t, brokerAt(1), { server: redis })
    t.ok((await rig.client.ttl(KEYS.status)) > 80)
    await rig.client.del(KEYS.status) // what 90 s without a word do
    const other = await EventQueue.claim(redis.url, 'west')
    for (const queue of [first, again, other]) queue.close()
  },
)
