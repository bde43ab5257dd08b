import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { freePort } from '../../lab/port.ts'
import { startProxy, type TcpProxy } from '../../lab/proxy.ts'
import { openSigned } from '../../lab/signature.ts'
import { type ReceivedMessage, type Subscriber, startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { KEYS, RELOAD } from '../../src/queue/keys.ts'
import type { Arrival } from '../chaos/judge.ts'
import { CONFIG_KEY, ConfigBench } from '../config/bench.ts'
import { type LogLine, type ServiceOptions, type ServiceProcess, startService } from '../fixtures/service.ts'
import { type Laboratory, leftOver, openLaboratory, withRedis } from './laboratory.ts'
import { Load } from './load.ts'
import { startDeafProxy } from './pooler.ts'

t.setTimeout(300_000)

const laboratory = await openLaboratory(t)
const { sql, postgres, broker, redis } = laboratory
const config = new ConfigBench(laboratory.databaseUrl)
const KEY_A = 'the first key of all'
const KEY_B = 'the second key'

/** A service whose broker comes from the stored configuration alone. */
async function start(t: Test, changed: Partial<ServiceOptions> = {}): Promise<ServiceProcess> {
  const settings = { broker_host: '', broker_port: '', config_key: CONFIG_KEY, ...changed.settings }
  const service = await startService({ ...laboratory.options(changed), settings })
  t.teardown(() => service.kill())
  return service
}

/** Everything is as after `migrate`, seen by a subscriber of its own. */
async function empty(t: Test): Promise<{ load: Load; seen: Subscriber; laboratory: Laboratory }> {
  await sql(`
    delete from nemo_mqtt.configuration;
    delete from nemo_mqtt.configuration_history;
    update "NEMO_tool" set category = 'nothing';
    delete from nemo_mqtt.change_log`)
  await withRedis(redis, (client) => client.flushdb())
  const seen = await listen(t)
  const own = { ...laboratory, subscriber: seen }
  return { load: await Load.open(t, own), seen, laboratory: own }
}

/** The same, and the configuration `lab`, which is enabled, leads to the broker. */
async function fresh(t: Test, ...assignments: string[]) {
  const all = await empty(t)
  await done(config.create('lab', ['broker_host=127.0.0.1', `broker_port=${broker.port}`, ...assignments]))
  await done(config.enable('lab'))
  return all
}

async function done(command: Promise<{ code: number; notes: string }>): Promise<void> {
  const { code, notes } = await command
  if (code !== 0) throw new Error(notes)
}

/** A subscriber to everything, from now on. */
async function listen(t: Test): Promise<Subscriber> {
  const subscriber = await startSubscriber({ url: broker.url, topics: ['#'] })
  t.teardown(() => subscriber.stop())
  return subscriber
}

async function proxy(t: Test): Promise<TcpProxy> {
  const started = await startProxy({ targetPort: broker.port })
  t.teardown(() => started.stop())
  return started
}

/** Waits until the service says that these settings have changed; gives the milliseconds. */
async function inForce(service: ServiceProcess, change: () => Promise<unknown>, deadlineMs = 5_000): Promise<number> {
  const from = service.lines.length
  const since = performance.now()
  await change()
  const isIt = ({ msg, stage }: LogLine): boolean => stage === 'configuration' && msg.startsWith('in force is')
  await service.logged(isIt, 'the new settings', deadlineMs, from)
  return performance.now() - since
}

function state({ messages }: Subscriber, prefix = 'nemo'): string | undefined {
  return messages.findLast(({ topic }) => topic === `${prefix}/bridge/state`)?.payload
}

function nothingThrown(t: Test, service: ServiceProcess): void {
  t.strictSame(
    service.lines.filter(({ level }) => level === 'raw'),
    [],
    'nothing was thrown',
  )
}

t.test('C90 the secret is changed with 100 queued: all of them are signed with the new one, no restart', async (t) => {
  const { load, seen } = await fresh(t)
  const way = await proxy(t)
  await done(config.set('lab', ['hmac_secret_key=-', 'use_hmac=true', `broker_port=${way.port}`], KEY_A))
  const service = await start(t)
  await service.says('bridge', 'ok')
  const { pid } = service
  await load.write(1)
  await seen.waitFor(({ payload }) => payload.includes('change 1\\"'))
  await way.refuse()
  way.reset()
  await service.says('broker', 'failing')
  await load.writeMany(2, 100)
  await until(async () => (await leftOver(laboratory)).queue === 100, { what: 'all to be queued' })
  await done(config.set('lab', ['hmac_secret_key=-'], KEY_B))
  await delay(1_200) // the service looks once a second, and says nothing of a broker that stays away
  const before = seen.messages.length
  await way.pass()
  await seen.waitFor(({ payload }) => payload.includes('change 101\\"'))
  const after = seen.messages.slice(before).filter(({ topic }) => topic.startsWith('nemo/'))
  t.ok(after.length >= 100)
  t.strictSame(
    after.filter(({ raw }) => openSigned(raw, KEY_B).fault !== undefined),
    [],
    'signed with the new key, the state too',
  )
  const early = seen.messages.slice(0, before).filter(({ topic, retain }) => topic.startsWith('nemo/') && !retain)
  t.ok(early.every(({ raw, topic }) => openSigned(raw, KEY_A).fault === undefined || topic.endsWith('/state')))
  t.equal(service.pid, pid)
  await load.verify(t, 10_000, () => unsigned(seen))
  nothingThrown(t, service)
})

t.test('C103 LISTEN is deaf: a port, and a deletion, are noticed by looking; then changes wait', async (t) => {
  const { load, seen } = await fresh(t)
  const [one, two] = [await proxy(t), await proxy(t)]
  await done(config.set('lab', [`broker_port=${one.port}`]))
  const port = await startDeafProxy(t, postgres.port)
  const service = await start(t, { databaseUrl: laboratory.serviceUrl.replace(`:${postgres.port}/`, `:${port}/`) })
  await service.says('bridge', 'ok')
  const since = performance.now()
  await done(config.set('lab', [`broker_port=${two.port}`]))
  await until(() => two.accepted > 0 && one.open === 0, { what: 'the other port' })
  t.ok(performance.now() - since < 2_000, `after ${Math.round(performance.now() - since)} ms`)
  t.ok((await load.roundTrip(5_000)) < 2_000)
  const deleted = performance.now()
  await sql('delete from nemo_mqtt.configuration')
  await until(() => state(seen) === 'stopped' && two.open === 0, { what: 'stopped and disconnected' })
  t.ok(performance.now() - deleted < 2_000, `after ${Math.round(performance.now() - deleted)} ms`)
  await service.logged(({ stage, msg }) => stage === 'configuration' && /no configuration is enabled/.test(msg), 'why')
  await load.writeMany(1, 20)
  await delay(1_500)
  t.match(await leftOver(laboratory), { changeLog: 20, queue: 0, inFlight: 0 }, 'they wait in PostgreSQL')
  await done(config.undo())
  t.equal(state(seen), 'stopped', 'what is restored is not enabled')
  await done(config.enable('lab'))
  await load.verify(t)
  await until(() => state(seen) === 'online', { what: 'online' })
  nothingThrown(t, service)
})

t.test('C105 the back-off is at its cap: a corrected address is tried within 2 s, and so is another delay', async (t) => {
  const attempts: number[] = []
  const hangsUp = createServer((socket) => {
    attempts.push(performance.now())
    socket.destroy()
  })
  const port = await freePort()
  await new Promise<void>((resolve) => hangsUp.listen(port, '127.0.0.1', resolve))
  t.teardown(() => hangsUp.close())
  await fresh(t, 'reconnect_delay=8')
  await done(config.set('lab', [`broker_port=${port}`]))
  const service = await start(t)
  const atCap = (): boolean => (attempts.at(-1) ?? 0) - (attempts.at(-2) ?? 0) > 4_000
  await until(atCap, { deadlineMs: 30_000, what: 'the longest pause' })
  const tried = attempts.length
  const sinceDelay = performance.now()
  await done(config.set('lab', ['reconnect_delay=9']))
  await until(() => attempts.length > tried, { what: 'an attempt' })
  t.ok(performance.now() - sinceDelay < 2_000, `after ${Math.round(performance.now() - sinceDelay)} ms`)
  const again = (): boolean => attempts.length > tried + 3 && atCap()
  await until(again, { deadlineMs: 30_000, what: 'the longest pause, again' })
  const since = performance.now()
  await done(config.set('lab', [`broker_port=${broker.port}`]))
  await service.says('broker', 'ok')
  t.ok(performance.now() - since < 2_000, `after ${Math.round(performance.now() - since)} ms`)
  nothingThrown(t, service)
})

/** Messages as an unsigned laboratory under the prefix `nemo` would have sent them. */
function unsigned({ messages }: Subscriber): Arrival[] {
  return messages.map(({ topic, raw, receivedAt }) => {
    const read = parsed(raw)
    const payload = typeof read?.payload === 'string' ? read.payload : raw
    return { topic: topic.replace(/^lab\/west\//, 'nemo/'), payload, receivedAt }
  })
}

function parsed(text: string): { payload?: unknown } | undefined {
  try {
    return JSON.parse(text) as { payload?: unknown }
  } catch {
    return undefined
  }
}

t.test('under load everything changes, one after the other: nothing is lost, each entity keeps its order', async (t) => {
  const { load, seen } = await fresh(t)
  const [one, two] = [await proxy(t), await proxy(t)]
  const service = await start(t)
  await service.says('bridge', 'ok')
  const { pid } = service
  load.start(150)
  const changes: ReadonlyArray<readonly [string[], string?]> = [
    [[`broker_port=${one.port}`]],
    [['broker_host=localhost', `broker_port=${two.port}`]],
    [['keepalive=3']],
    [['topic_prefix=lab/west']],
    [['hmac_secret_key=-', 'use_hmac=true'], KEY_A],
    [['hmac_secret_key=-'], KEY_B],
    [['mqtt_version=3.1.1']],
    [['log_level=DEBUG']],
    [['queue_limit=100']],
    [['retain_messages=true']],
    [['username=nobody', 'clean_session=false', 'client_id=fixed']],
    [[`broker_port=${broker.port}`, 'broker_host=127.0.0.1', 'mqtt_version=5', 'reconnect_delay=1']],
  ]
  const tookMs: number[] = []
  for (const [assignments, input] of changes) {
    tookMs.push(await inForce(service, () => done(config.set('lab', assignments, input))))
    await delay(250)
  }
  t.ok(Math.max(...tookMs) < 2_000, `in force after ${tookMs.map(Math.round).join(', ')} ms`)
  await load.stop()
  await load.verify(t, 20_000, () => unsigned(seen))
  t.equal(service.pid, pid)
  t.ok(one.accepted > 0 && two.accepted > 0, 'it was at every address')
  const ours = seen.messages.filter(({ topic }) => topic.includes('/tools/'))
  t.strictSame(phases(ours, kindOf), ['plain', 'A', 'B'], 'never back to an old key')
  t.equal(state(seen), 'stopped', 'under the old prefix')
  t.equal(openSigned(state(seen, 'lab/west') ?? '', KEY_B).payload, 'online')
  const late = await listen(t)
  await late.waitFor(({ topic, retain }) => retain && topic.startsWith('lab/west/tools/'))
  nothingThrown(t, service)
})

function kindOf({ raw }: ReceivedMessage): string {
  if (parsed(raw)?.payload === undefined) return 'plain'
  if (openSigned(raw, KEY_A).fault === undefined) return 'A'
  return openSigned(raw, KEY_B).fault === undefined ? 'B' : 'neither'
}

/** The kinds in the order in which they begin; a kind that comes back counts again. */
function phases(messages: readonly ReceivedMessage[], kind: (message: ReceivedMessage) => string): string[] {
  return messages.map(kind).filter((one, n, all) => one !== all[n - 1])
}

t.test('an unusable one made with psql: the last good settings stay; a new process sends nothing', async (t) => {
  const { load, seen, laboratory } = await fresh(t)
  const service = await start(t)
  await service.says('bridge', 'ok')
  const good = JSON.stringify((await sql('select settings from nemo_mqtt.configuration'))[0]?.settings)
  const wrong: ReadonlyArray<readonly [string, RegExp]> = [
    ['"keepalive": 0', /keepalive of configuration "lab": 0 must be >= 1/],
    ['"broker_prt": 1', /broker_prt of configuration "lab": there is no such setting; do you mean broker_port/],
    ['"password": "hunter2-hunter2"', /password of configuration "lab": .*stored without encryption/],
    ['"use_hmac": null', /use_hmac of configuration "lab": null cannot be its value/],
    ['"redis_url": "redis://hunter2@x"', /redis_url of configuration "lab": comes from the environment only/],
  ]
  for (const [setting, why] of wrong) {
    const from = service.lines.length
    await sql(`update nemo_mqtt.configuration set settings = '${good}'::jsonb || '{${setting}}'`)
    const line = await service.says('configuration', 'failing', 5_000, from)
    t.match(line.msg, why)
    t.match(line.msg, /last good settings stay in force/)
    t.ok((await load.roundTrip(5_000)) < 2_000, 'and messages flow')
  }
  // The lease is lost and taken again, in the same process.
  const from = service.lines.length
  await postgres.stop()
  await postgres.start()
  const after = await Load.open(t, laboratory)
  await after.roundTrip(15_000)
  t.notOk(service.lines.slice(from).some(({ stage, state }) => stage === 'configuration' && state === 'ok'))
  await service.stop()
  const second = await start(t)
  t.match(await second.says('configuration', 'failing'), { msg: /redis_url of configuration "lab"/ })
  const before = seen.messages.length
  await after.writeMany(1, 10)
  await delay(1_500)
  t.equal(seen.messages.length, before, 'nothing is sent, the state neither')
  t.match(await leftOver(laboratory), { changeLog: 10, queue: 0 })
  const since = performance.now()
  await sql(`update nemo_mqtt.configuration set settings = '${good}'`)
  await seen.waitFor(({ payload }) => payload.includes('"change 11"'))
  t.ok(performance.now() - since < 4_000)
  t.notMatch(JSON.stringify([...service.lines, ...second.lines]), 'hunter2')
  nothingThrown(t, service)
})

t.test('a wrong key for the secrets: nothing is sent; the standby, with the right one, uses the newest', async (t) => {
  const { load, seen } = await fresh(t)
  await done(config.set('lab', ['hmac_secret_key=-', 'use_hmac=true'], KEY_A))
  const active = await start(t, { settings: { config_key: 'a key that is not the right one' } })
  const line = await active.says('configuration', 'failing')
  t.match(line.msg, /hmac_secret_key of configuration "lab": .*is not the key with which it was stored/)
  const standby = await start(t)
  await standby.says('lease', 'waiting')
  await load.writeMany(3, 5)
  await done(config.set('lab', ['hmac_secret_key=-', 'topic_prefix=lab/west'], KEY_B))
  await delay(1_000)
  t.strictSame(
    seen.messages.filter(({ retain }) => !retain),
    [],
    'nothing was sent, signed or not',
  )
  await active.kill()
  await seen.waitFor(({ payload }) => payload.includes('change 5\\"'), 15_000)
  const sent = seen.messages.filter(({ retain }) => !retain)
  t.ok(sent.every(({ topic, raw }) => topic.startsWith('lab/west/') && openSigned(raw, KEY_B).fault === undefined))
  nothingThrown(t, standby)
})

t.test('PostgreSQL is restarted while it is reconfigured; one that is only created stops nothing', async (t) => {
  const { load, seen } = await empty(t)
  const service = await start(t, { settings: { broker_host: '127.0.0.1', broker_port: broker.port } })
  await service.says('bridge', 'ok')
  const from = service.lines.length
  await done(config.create('lab', ['topic_prefix=lab/west']))
  await delay(1_200)
  t.ok((await load.roundTrip(5_000)) < 2_000, 'the environment alone still counts')
  t.strictSame(
    service.lines.slice(from).filter(({ stage }) => stage === 'configuration' || stage === 'broker'),
    [],
  )
  await done(config.enable('lab'))
  await until(() => state(seen, 'lab/west') === 'online', { deadlineMs: 2_000, what: 'the first prefix' })
  await postgres.stop()
  await postgres.start()
  await done(config.set('lab', ['topic_prefix=lab/east']))
  await until(() => state(seen, 'lab/east') === 'online', { deadlineMs: 10_000, what: 'the newest prefix' })
  nothingThrown(t, service)
})

t.test(`${KEYS.control}: ${RELOAD} makes it read and connect again; anything else does no harm`, async (t) => {
  const { load } = await fresh(t)
  const way = await proxy(t)
  await done(config.set('lab', [`broker_port=${way.port}`]))
  const service = await start(t)
  await service.says('bridge', 'ok')
  load.start(100)
  await load.flows(5_000)
  for (const links of [2, 3]) {
    const since = performance.now()
    await withRedis(redis, (client) => client.lpush(KEYS.control, RELOAD))
    await until(() => way.accepted === links, { what: 'a new connection' })
    t.ok(performance.now() - since < 2_000, `after ${Math.round(performance.now() - since)} ms`)
    await service.says('bridge', 'ok')
  }
  await withRedis(redis, (client) => client.lpush(KEYS.control, 'dance', RELOAD, RELOAD))
  await service.logged(({ msg }) => msg.includes(`${KEYS.control} holds something`), 'the unknown word')
  await until(() => way.accepted === 4, { what: 'one connection for both' })
  await withRedis(redis, (client) => client.set(KEYS.control, RELOAD))
  await load.flows(5_000)
  t.equal(await withRedis(redis, (client) => client.type(KEYS.control)), 'string', 'a key of another kind is let be')
  await load.stop()
  await load.verify(t)
  t.equal(way.accepted, 4)
  nothingThrown(t, service)
})
