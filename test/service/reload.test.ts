import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../../lab/port.ts'
import { openSigned } from '../../lab/signature.ts'
import type { ReceivedMessage, Subscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import type { Arrival } from '../chaos/judge.ts'
import type { LogLine, ServiceProcess } from '../fixtures/service.ts'
import { ConfiguredLaboratory, done, nothingThrown, stateOf } from './configured.ts'
import { leftOver } from './laboratory.ts'
import { startDeafProxy } from './pooler.ts'

t.setTimeout(300_000)

const lab = await ConfiguredLaboratory.open(t)
const { sql, postgres, broker, serviceUrl } = lab.laboratory
const KEY_A = 'the first key of all'
const KEY_B = 'the second key'

/** Waits until the service says that these settings have changed; gives the milliseconds. */
async function inForce(service: ServiceProcess, change: () => Promise<unknown>, deadlineMs = 5_000): Promise<number> {
  const from = service.lines.length
  const since = performance.now()
  await change()
  const isIt = ({ msg, stage }: LogLine): boolean => stage === 'configuration' && msg.startsWith('in force is')
  await service.logged(isIt, 'the new settings', deadlineMs, from)
  return performance.now() - since
}

t.test('C90 the secret is changed with 100 queued: all of them are signed with the new one, no restart', async (t) => {
  const { load, seen } = await lab.fresh(t)
  const way = await lab.proxy(t)
  await lab.set(['hmac_secret_key=-', 'use_hmac=true', `broker_port=${way.port}`], KEY_A)
  const service = await lab.start(t)
  await service.says('bridge', 'ok')
  const { pid } = service
  await load.write(1)
  await seen.waitFor(({ payload }) => payload.includes('change 1\\"'))
  await way.refuse()
  way.reset()
  await service.says('broker', 'failing')
  await load.writeMany(2, 100)
  await until(async () => (await leftOver(lab.laboratory)).queue === 100, { what: 'all to be queued' })
  await lab.set(['hmac_secret_key=-'], KEY_B)
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
  const { load, seen } = await lab.fresh(t)
  const [one, two] = [await lab.proxy(t), await lab.proxy(t)]
  await lab.set([`broker_port=${one.port}`])
  const port = await startDeafProxy(t, postgres.port)
  const service = await lab.start(t, { databaseUrl: serviceUrl.replace(`:${postgres.port}/`, `:${port}/`) })
  await service.says('bridge', 'ok')
  const since = performance.now()
  await lab.set([`broker_port=${two.port}`])
  await until(() => two.accepted > 0 && one.open === 0, { what: 'the other port' })
  t.ok(performance.now() - since < 2_000, `after ${Math.round(performance.now() - since)} ms`)
  t.ok((await load.roundTrip(5_000)) < 2_000)
  const deleted = performance.now()
  await sql('delete from nemo_mqtt.configuration')
  await until(() => stateOf(seen) === 'stopped' && two.open === 0, { what: 'stopped and disconnected' })
  t.ok(performance.now() - deleted < 2_000, `after ${Math.round(performance.now() - deleted)} ms`)
  await service.logged(({ stage, msg }) => stage === 'configuration' && /no configuration is enabled/.test(msg), 'why')
  await load.writeMany(1, 20)
  await delay(1_500)
  t.match(await leftOver(lab.laboratory), { changeLog: 20, queue: 0, inFlight: 0 }, 'they wait in PostgreSQL')
  await done(lab.config.undo())
  t.equal(stateOf(seen), 'stopped', 'what is restored is not enabled')
  await done(lab.config.enable('lab'))
  await load.verify(t)
  await until(() => stateOf(seen) === 'online', { what: 'online' })
  nothingThrown(t, service)
})

t.test(
  'C105 the back-off is at its cap: a corrected address is tried within 2 s, and so is another delay',
  async (t) => {
    const attempts: number[] = []
    const hangsUp = createServer((socket) => {
      attempts.push(performance.now())
      socket.destroy()
    })
    const port = await freePort()
    await new Promise<void>((resolve) => hangsUp.listen(port, '127.0.0.1', resolve))
    t.teardown(() => hangsUp.close())
    await lab.fresh(t, 'reconnect_delay=3')
    await lab.set([`broker_port=${port}`])
    const service = await lab.start(t)
    const atCap = (): boolean => (attempts.at(-1) ?? 0) - (attempts.at(-2) ?? 0) > 1_500
    await until(atCap, { deadlineMs: 30_000, what: 'the longest pause' })
    const tried = attempts.length
    const sinceDelay = performance.now()
    await lab.set(['reconnect_delay=4'])
    await until(() => attempts.length > tried, { what: 'an attempt' })
    t.ok(performance.now() - sinceDelay < 1_200, `after ${Math.round(performance.now() - sinceDelay)} ms`)
    const again = (): boolean => attempts.length > tried + 3 && atCap()
    await until(again, { deadlineMs: 30_000, what: 'the longest pause, again' })
    const since = performance.now()
    await lab.set([`broker_port=${broker.port}`])
    await service.says('broker', 'ok')
    t.ok(performance.now() - since < 1_200, `after ${Math.round(performance.now() - since)} ms`)
    nothingThrown(t, service)
  },
)

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

t.test(
  'under load everything changes, one after the other: nothing is lost, each entity keeps its order',
  async (t) => {
    const { load, seen } = await lab.fresh(t)
    const [one, two] = [await lab.proxy(t), await lab.proxy(t)]
    const service = await lab.start(t)
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
      tookMs.push(await inForce(service, () => lab.set(assignments, input)))
      await delay(250)
    }
    t.ok(Math.max(...tookMs) < 2_000, `in force after ${tookMs.map(Math.round).join(', ')} ms`)
    await load.stop()
    await load.verify(t, 20_000, () => unsigned(seen))
    t.equal(service.pid, pid)
    t.ok(one.accepted > 0 && two.accepted > 0, 'it was at every address')
    const ours = seen.messages.filter(({ topic }) => topic.includes('/tools/'))
    t.strictSame(phases(ours, kindOf), ['plain', 'A', 'B'], 'never back to an old key')
    t.equal(stateOf(seen), 'stopped', 'under the old prefix')
    t.equal(openSigned(stateOf(seen, 'lab/west') ?? '', KEY_B).payload, 'online')
    const late = await lab.listen(t)
    await late.waitFor(({ topic, retain }) => retain && topic.startsWith('lab/west/tools/'))
    nothingThrown(t, service)
  },
)

function kindOf({ raw }: ReceivedMessage): string {
  if (parsed(raw)?.payload === undefined) return 'plain'
  if (openSigned(raw, KEY_A).fault === undefined) return 'A'
  return openSigned(raw, KEY_B).fault === undefined ? 'B' : 'neither'
}

/** The kinds in the order in which they begin; a kind that comes back counts again. */
function phases(messages: readonly ReceivedMessage[], kind: (message: ReceivedMessage) => string): string[] {
  return messages.map(kind).filter((one, n, all) => one !== all[n - 1])
}
