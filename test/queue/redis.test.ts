import { execFile } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type Broker, startBroker } from '../../lab/broker.ts'
import { startProxy } from '../../lab/proxy.ts'
import { startRedis } from '../../lab/redis.ts'
import { type Subscriber, startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { EventQueue } from '../../src/queue/event-queue.ts'
import { inspectQueue } from '../../src/queue/inspect.ts'
import { COMMANDS, KEYS } from '../../src/queue/keys.ts'
import { brokerAt, INSTALLATION, openRig, type Rig, upTo } from '../publish/rig.ts'

/** The queue on a real Redis in trouble, with a real broker behind it. */
t.setTimeout(120_000)

const SECRET = 'queue-secret'
let broker: Broker
t.before(async () => {
  broker = await startBroker()
})
t.teardown(() => broker.kill())

/** A signing bridge on a Redis of its own, and what a subscriber below `nemo/{name}` gets. */
async function open(t: Test, name: string, options: Parameters<typeof openRig>[2] & { url?: string } = {}) {
  const prefix = `nemo/${name}`
  const settings = {
    NEMO_MQTT_TOPIC_PREFIX: prefix,
    NEMO_MQTT_USE_HMAC: 'true',
    NEMO_MQTT_HMAC_SECRET_KEY: SECRET,
    ...(options.url === undefined ? {} : { NEMO_MQTT_REDIS_URL: options.url }),
  }
  const rig = await openRig(t, brokerAt(broker.port, settings), options)
  const subscriber = await startSubscriber({ url: broker.url, topics: [`${prefix}/tools/#`], secret: SECRET })
  t.teardown(() => subscriber.stop())
  return { rig, subscriber, topic: `${prefix}/tools/1` }
}

/** What arrived, each once, in the order of the first arrivals. */
const arrived = (subscriber: Subscriber): string[] => [...new Set(subscriber.messages.map(({ payload }) => payload))]

/** Pushes numbers to one topic, so that their order is kept, and waits until they arrived. */
async function flows(rig: Rig, subscriber: Subscriber, topic: string, text: string): Promise<void> {
  await rig.push(topic, text)
  await subscriber.waitFor(({ payload }) => payload === text, 15_000)
}

t.test('C49 first in, first out, whoever filled the list; what the old plugin left behind too', async (t) => {
  const { rig, subscriber, topic } = await open(t, 'c49')
  const left = ['enabled 5', 'disabled 5', 'enabled 6', ...upTo(1_000).map(String)]
  // Exactly what the Python plugin wrote: LPUSH of one JSON object an event.
  for (const payload of left) {
    const old = JSON.stringify({ topic, payload, qos: 1, retain: false, timestamp: 1_700_000_000.123 })
    rig.client.lpush(KEYS.queue, old).catch(() => undefined) // awaited by the length below
  }
  await until(async () => (await rig.lists()).queue === left.length, { what: 'the list to be filled' })
  rig.start()
  await rig.drained()
  await subscriber.waitFor(left.length)
  t.strictSame(
    subscriber.messages.map(({ payload }) => payload),
    left,
  )
  t.strictSame(subscriber.faults, [], 'signed, all of them')
})

t.test('C50 a push by another program goes out after RST, a black hole, and a stopped Redis', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.kill())
  const proxy = await startProxy({ targetPort: redis.port })
  t.teardown(() => proxy.stop())
  const url = `redis://127.0.0.1:${proxy.port}/1`
  const { rig, subscriber, topic } = await open(t, 'c50', { server: redis, url })
  rig.start()
  await flows(rig, subscriber, topic, 'before')
  proxy.reset()
  await flows(rig, subscriber, topic, 'after RST')
  const { claims } = rig
  proxy.silence({ newToo: false })
  const since = Date.now()
  await flows(rig, subscriber, topic, 'after a black hole')
  t.ok(Date.now() - since < 8_000, `after a black hole in ${Date.now() - since} ms`)
  t.ok(rig.claims > claims)
  await redis.restart({ keepData: false })
  await flows(rig, subscriber, topic, 'after a restart')
  await rig.drained()
})

t.test('C52 fifty killed connections under load: nothing lost, no command of ours in database 0', async (t) => {
  const { rig, subscriber, topic } = await open(t, 'c52')
  rig.start()
  const elsewhere: string[] = []
  let seen = 0
  // A socket of its own: as a client ioredis loses its place when a monitor talks early.
  const monitor = connect(rig.redis.port, '127.0.0.1', () => monitor.write('MONITOR\r\n'))
  t.teardown(() => monitor.destroy())
  createInterface({ input: monitor }).on('line', (line) => {
    const [, database, command] = /\[(\d+) [^\]]*\] "(\w+)".*nemo_mqtt/.exec(line) ?? []
    if (command === undefined) return
    seen += 1
    if (database !== '1') elsewhere.push(line.slice(0, 100))
  })
  const killer = new Redis(rig.redis.port, { db: 5 })
  let n = 0
  for (const round of upTo(50)) {
    const { claims } = rig
    await rig.client.lpush(KEYS.queue, ...upTo(20).map(() => rig.entry(topic, String(n++), topic, n)))
    await killOurs(killer)
    await until(() => rig.claims > claims, { what: `a new claim after kill ${round}` })
  }
  await rig.drained()
  killer.disconnect()
  await until(() => arrived(subscriber).length === n, { what: `${n} different messages` })
  t.strictSame(arrived(subscriber), upTo(n).map(String), 'all of them, in order')
  t.ok(seen > 100, `${seen} commands of ours were seen`)
  t.strictSame(elsewhere, [])
  t.match(await rig.redis.command('DBSIZE'), ':0', 'database 0 is empty')
})

/** Ends the bridge's connections. Not those of every client: the monitor's would be among them. */
async function killOurs(client: Redis): Promise<void> {
  const list = String(await client.client('LIST'))
  const ours = list.split('\n').filter((line) => line.includes(' name=nemo-mqtt '))
  for (const line of ours) await client.client('KILL', 'ID', /^id=(\d+)/.exec(line)?.[1] ?? '')
}

t.test('C53 READONLY: said once with what to do, recovery by itself, nothing lost', async (t) => {
  const { rig, subscriber, topic } = await open(t, 'c53')
  rig.start()
  await flows(rig, subscriber, topic, '0')
  await rig.redis.command('REPLICAOF 127.0.0.1 1')
  const line = await rig.logged(({ msg }) => /READONLY/.test(msg), 'READONLY')
  t.match(line.todo, /replica.*primary/)
  t.notMatch(line.msg, /script/, 'the reason is the same at every attempt, whichever command met it')
  await rig.redis.command('REPLICAOF NO ONE')
  await flows(rig, subscriber, topic, '1')
  t.equal(rig.lines.filter(({ msg }) => /READONLY/.test(msg)).length, 1, 'one line, however many attempts')
  await rig.drained()
})

t.test('C54 MISCONF: said with Redis’s own words, recovery without a restart', async (t) => {
  const { rig, subscriber, topic } = await open(t, 'c54', {
    redis: ['--save', '1', '1', '--enable-protected-configs', 'yes'],
  })
  rig.start()
  await flows(rig, subscriber, topic, '0')
  const [, folder = ''] = (await rig.client.config('GET', 'dir')) as string[]
  rmSync(folder, { recursive: true })
  await rig.client.bgsave().catch(() => undefined) // one may run already, and fails as well
  const line = await rig.logged(({ msg }) => /MISCONF/.test(msg), 'MISCONF')
  t.match(line.todo, /snapshot/)
  await t.rejects(rig.push(topic, 'refused'), /MISCONF/, 'producers are told')
  mkdirSync(folder)
  await rig.client.config('SET', 'dir', folder) // it still stands in the folder that is gone
  await until(
    async () => {
      await rig.client.bgsave().catch(() => undefined)
      return /rdb_last_bgsave_status:ok/.test(await rig.client.info('persistence'))
    },
    { what: 'a snapshot that works', everyMs: 100 },
  )
  await flows(rig, subscriber, topic, '1')
  t.strictSame(arrived(subscriber), ['0', '1'])
  await rig.drained()
})

t.test('C55 a full Redis refuses a push as a whole, and can be drained, a bad entry included', async (t) => {
  const { rig, subscriber, topic } = await open(t, 'c55')
  await rig.pushTexts(['not json'])
  await rig.pushAll(upTo(2_000).map((n) => [topic, String(n)]))
  await rig.client.config('SET', 'maxmemory', '1mb') // less than an empty Redis needs
  await t.rejects(rig.push(topic, 'refused'), /OOM/)
  const queue = await EventQueue.claim(rig.redis.url, INSTALLATION)
  t.equal(await queue.push(['a', 'b']), undefined, 'the listener is told, and its claim stands')
  t.equal(await queue.length(), 2_001)
  queue.close()
  rig.start()
  await until(() => arrived(subscriber).length === 2_000, { what: 'the whole queue to be delivered' })
  t.equal(await rig.drained(), 1)
  t.equal(rig.claims, 1, 'in one go')
  t.strictSame(arrived(subscriber), upTo(2_000).map(String))
  t.equal(await rig.client.get(KEYS.status), 'connected', 'the status is said too')
  await rig.client.config('SET', 'maxmemory', '0')
  await flows(rig, subscriber, topic, 'again')
})

t.test('C58 a Redis user with exactly these commands, and a word for each one missing', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.kill())
  const set = (rules: string): Promise<string> => redis.command(`ACL SETUSER limited reset on >pw ${rules}`)
  t.match(await set(`~nemo_mqtt_* ${COMMANDS}`), '+OK')
  const url = `redis://limited:pw@127.0.0.1:${redis.port}/1`
  const { rig, subscriber, topic } = await open(t, 'c58', { server: redis, url })
  rig.start()
  await flows(rig, subscriber, topic, 'limited')
  await rig.pushTexts(['not json'])
  await until(async () => (await rig.lists()).parked === 1, { what: 'the unreadable entry to be parked' })
  t.match(await inspectQueue(url), { queued: 0, parked: 1, bridge: 'connected' })
  const queue = await EventQueue.claim(url, INSTALLATION)
  await queue.push([rig.entry(topic, 'x', topic, 9)])
  for await (const entry of queue.entries()) await queue.remove([entry])
  queue.close()
  await rig.stop()

  for (const command of COMMANDS.split(' ')) {
    await set(`~nemo_mqtt_* ${COMMANDS} ${command.replace('+', '-')}`)
    const refused = await everything(url, rig.entry(topic, 'x', topic, 10))
    const name = command.slice(1)
    if (name === 'client|setname') t.equal(refused, 'nothing was refused', `the name is a courtesy: ${refused}`)
    else t.match(refused, new RegExp(`NOPERM.*\\b${name}\\b`, 'i'), `without ${command}: ${refused}`)
  }
  await set(`~other_* ${COMMANDS}`)
  t.match(await everything(url, ''), /NOPERM|keys/i, 'without the keys')
})

/** Does all that service and `status` do, and gives the first error. */
async function everything(url: string, entry: string): Promise<string> {
  let queue: EventQueue | undefined
  try {
    queue = await EventQueue.claim(url, INSTALLATION)
    await queue.push([entry, entry, entry, 'bad'])
    for await (const _ of queue.entries()) await queue.length()
    const [first = ''] = await queue.turn([], 2, 1_000_000)
    await queue.turn([String(first)], 0, 0)
    await queue.giveBack()
    const taken = await queue.turn([], 1, 1_000_000)
    await queue.park(taken[0] ?? '', 'parked')
    await queue.sayStatus('connected')
    await queue.turn([], 3, 1_000_000)
    await queue.giveBack()
    await queue.remove([entry, 'bad'])
    await inspectQueue(url)
    return 'nothing was refused'
  } catch (error) {
    return (error as Error).message
  } finally {
    queue?.close()
  }
}

t.test('a key of ours holds something else: said, and recovered when it is gone', async (t) => {
  for (const key of [KEYS.queue, KEYS.inFlight, KEYS.owner]) {
    const { rig, subscriber, topic } = await open(t, 'wrongtype')
    await rig.client.hset(key, 'a', '1')
    rig.start()
    const line = await rig.logged(({ msg }) => /WRONGTYPE/.test(msg), 'WRONGTYPE')
    t.match(line.todo, /belongs to another program/)
    t.equal(await rig.client.hget(key, 'a'), '1', 'it is not touched')
    await rig.client.del(key)
    await flows(rig, subscriber, topic, key)
    await rig.stop()
  }
})

t.test('an emptied Redis, a replaced owner: the old claim changes nothing any more', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.kill())
  const first = await EventQueue.claim(redis.url, 'a')
  await first.push(['1', '2'])
  t.strictSame(await first.turn([], 1, 1_000), ['1'])
  const second = await EventQueue.claim(redis.url, 'a')
  for (const act of [() => first.turn(['1'], 1, 1_000), () => first.push(['3']), () => first.giveBack()]) {
    await t.rejects(async () => void (await act()), { code: 'NEMO_MQTT_ERR_REDIS', message: /FENCED/ })
  }
  t.strictSame(await second.turn([], 5, 1_000), ['1', '2'], 'what was in flight comes first')
  await redis.command('FLUSHALL')
  await t.rejects(second.push(['4']), { message: /WIPED/ })
  second.close()
})

t.test(
  'the control list: its owner takes all of it with a turn, nobody else does, and no key of another kind hurts',
  async (t) => {
    const redis = await startRedis()
    t.teardown(() => redis.kill())
    const client = new Redis(redis.url)
    t.teardown(() => client.disconnect())
    const first = await EventQueue.claim(redis.url, 'a')
    const second = await EventQueue.claim(redis.url, 'a')
    t.teardown(() => second.close())
    await client.lpush(KEYS.control, 'one', 'two')
    await t.rejects(first.turn([], 1, 1), { message: /FENCED/ })
    t.equal(await client.llen(KEYS.control), 2, 'whoever was replaced takes nothing')
    await second.push(['1'])
    t.strictSame(await second.turn([], 1, 1), ['1'])
    t.strictSame(second.orders(), ['two', 'one'])
    t.strictSame(second.orders(), [])
    await client.set(KEYS.control, 'no list')
    t.strictSame(await second.turn(['1'], 1, 1), [])
    t.strictSame(second.orders(), [])
  },
)

t.test('two installations on one list: the second is refused by name', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.kill())
  const first = await EventQueue.claim(redis.url, 'lab-east')
  await first.sayStatus('connected')
  await t.rejects(EventQueue.claim(redis.url, 'lab-west'), {
    code: 'NEMO_MQTT_ERR_REDIS_TAKEN',
    message: /in use by installation lab-east/,
    hint: /another number/,
  })
  t.strictSame(await first.turn([], 1, 1), [], 'and the first goes on')
  first.close()
})

t.test('what is taken is bounded in bytes, one entry at least', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.kill())
  const queue = await EventQueue.claim(redis.url, 'a')
  t.teardown(() => queue.close())
  const texts = upTo(9).map((n) => String(n).repeat(1_000))
  await queue.push(texts)
  t.strictSame(await queue.turn([], 10, 0), [])
  t.strictSame(await queue.turn([], 10, 1), texts.slice(0, 1))
  t.strictSame(await queue.turn([], 10, 3_000), texts.slice(1, 4))
  t.strictSame(await queue.turn([], 10, 3_001), texts.slice(4, 8))
  t.strictSame(await queue.turn(texts.slice(0, 8), 10, 1_000_000), texts.slice(8))
})

t.test('the bridge holds a few long messages in memory, not a thousand', async (t) => {
  const { rig, subscriber, topic } = await open(t, 'bytes')
  const long = 'x'.repeat(1_000_000)
  for (const n of upTo(40)) await rig.push(topic, `${n} ${long}`)
  await rig.client.config('RESETSTAT')
  let most = 0
  const watch = setInterval(() => {
    rig.lists().then(
      ({ inFlight }) => {
        most = Math.max(most, inFlight)
      },
      () => undefined,
    )
  }, 5)
  t.teardown(() => clearInterval(watch))
  rig.start()
  await rig.drained(30_000)
  await subscriber.waitFor(40)
  t.ok(most > 0 && most <= 17, `${most} in flight at most`)
  t.strictSame(
    subscriber.messages.map(({ payload }) => payload.split(' ')[0]),
    upTo(40).map(String),
  )
})

t.test('nothing keeps the process alive after the connection has ended', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.kill())
  const moduleUrl = new URL('../../src/queue/event-queue.js', import.meta.url).href
  const script = `
const { EventQueue } = await import(${JSON.stringify(moduleUrl)})
const queue = await EventQueue.claim(${JSON.stringify(redis.url)}, 'a')
process.on('exit', () => console.log(Date.now() - closedAt))
queue.close()
let closedAt = Date.now()
await new Promise((resolve) => setTimeout(resolve, 50))
queue.close()
closedAt = Date.now()`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  t.ok(Number(stdout) < 1_000, `it ended ${stdout.trim()} ms after the end of the connection`)
})
