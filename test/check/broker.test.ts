import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import t, { type Test } from 'tap'
import { type Broker, startBroker } from '../../lab/broker.ts'
import { temporaryFolder } from '../../lab/folder.ts'
import { freePort } from '../../lab/port.ts'
import { startProxy } from '../../lab/proxy.ts'
import { signEnvelope } from '../../src/sign/envelope.ts'
import { program } from '../fixtures/service.ts'
import { type Peer, startStubBroker } from '../fixtures/stub-broker.ts'
import { FaultRig, HMAC_KEY } from './fault-rig.ts'

t.setTimeout(120_000)

const rig = await FaultRig.open(t)
const { laboratory } = rig

/** A broker that the service does not use, on which somebody has said its state for it. */
async function other(t: Test, configuration: readonly string[], login: object = {}, state = 'online'): Promise<Broker> {
  const broker = await startBroker({ kind: 'mosquitto', configuration })
  t.teardown(() => broker.kill())
  const client = await connectAsync(broker.url, login)
  await client.publishAsync('nemo/bridge/state', signEnvelope(state, HMAC_KEY), { retain: true })
  await client.endAsync()
  return broker
}

/** An `acl_file` by which the user `nemo` may do only this; `admin` may do everything. */
function acl(...rules: string[]): string[] {
  const file = join(temporaryFolder('acl'), 'acl')
  const own = rules.map((rule) => `topic ${rule}`)
  writeFileSync(file, ['user admin', 'topic readwrite #', 'user nemo', ...own, ''].join('\n'))
  return [`acl_file ${file}`]
}

const ADMIN = { username: 'admin' }
const NEMO = { username: 'nemo' }

t.test('the name of the broker is not known', async (t) => {
  const settings = { broker_host: 'broker.invalid' }
  const todo = /NEMO_MQTT_BROKER_HOST|name server/
  await rig.names(t, { code: 'BROKER_DNS', found: /broker.invalid cannot be looked up/, todo }, { settings })
})

t.test('C112 nothing listens at the port of the broker', async (t) => {
  const brokerPort = await freePort()
  const found = /refuses connections: nothing listens there/
  await rig.names(t, { code: 'BROKER_TCP', found, todo: /mosquitto 2 listens on its own machine only/ }, { brokerPort })
})

t.test('C112 the broker does not answer', async (t) => {
  const proxy = await startProxy({ targetPort: laboratory.broker.port })
  t.teardown(() => proxy.stop())
  proxy.silence({ newToo: true })
  await rig.names(
    t,
    { code: 'BROKER_LOGIN', found: /no CONNACK came in time/, timeoutMs: 4_000 },
    { brokerPort: proxy.port },
  )
})

t.test('C112 wrong password, and a user that the broker does not want', async (t) => {
  const passwords = join(temporaryFolder('passwords'), 'passwords')
  execFileSync(program('mosquitto_passwd'), ['-b', '-c', passwords, 'nemo', 'right'])
  const configuration = ['allow_anonymous false', `password_file ${passwords}`]
  const broker = await other(t, configuration, { username: 'nemo', password: 'right' })
  const expected = { code: 'BROKER_LOGIN', found: /does not let user "nemo" in: not authorised/ } as const
  const todo = /NEMO_MQTT_PASSWORD/
  const settings = { ...NEMO, password: 'wrong-password' }
  await rig.names(t, { ...expected, todo }, { brokerPort: broker.port, settings })
  await rig.names(t, { ...expected, found: /client without user name/, todo }, { brokerPort: broker.port })
  const v3 = { ...settings, mqtt_version: '3.1.1' }
  await rig.names(t, { ...expected, todo }, { brokerPort: broker.port, settings: v3 })
})

t.test('each CONNACK that refuses is told apart', async (t) => {
  const stub = await startStubBroker()
  t.teardown(() => stub.stop())
  const refusals = [
    [0x84, /does not speak MQTT 5/, /MQTT_VERSION=3.1.1/],
    [0x85, /client ids/, /client ids/],
    [0x86, /bad user name or password/, /NEMO_MQTT_PASSWORD/],
    [0x88, /unavailable/, /log of the broker/],
  ] as const
  for (const [connack, found, todo] of refusals) {
    stub.script = { connack }
    await rig.names(t, { code: 'BROKER_LOGIN', found, todo }, { brokerPort: stub.port })
  }
})

t.test('a broker that speaks MQTT 3.1.1 only', async (t) => {
  const broker = await startBroker({ kind: 'aedes' })
  t.teardown(() => broker.kill())
  const todo = /NEMO_MQTT_MQTT_VERSION=3.1.1|protocol/i
  await rig.names(t, { code: 'BROKER_LOGIN', found: /MQTT/, todo }, { brokerPort: broker.port })
})

t.test('C112 the user may not publish, MQTT 5', async (t) => {
  const broker = await other(t, acl('read nemo/#'), ADMIN)
  const expected = {
    code: 'BROKER_PUBLISH',
    found: /refuses our message: not authorized/,
    todo: /write below nemo/,
  } as const
  await rig.names(t, expected, { brokerPort: broker.port, settings: NEMO })
})

t.test('C112 the user may not publish, MQTT 3.1.1: only reading back shows it', async (t) => {
  const broker = await other(t, acl('read nemo/#'), ADMIN)
  const settings = { ...NEMO, mqtt_version: '3.1.1' }
  const expected = { code: 'ROUND_TRIP', found: /acknowledges what it refuses/, todo: /write below nemo/ } as const
  await rig.names(t, expected, { brokerPort: broker.port, settings })
})

t.test('the user may publish and not read', async (t) => {
  const broker = await other(t, acl('write nemo/#'), ADMIN)
  const expected = {
    code: 'ROUND_TRIP',
    level: 'warning',
    found: /did not come back/,
    todo: /read nemo\/bridge\/check/,
  } as const
  await rig.names(t, expected, { brokerPort: broker.port, settings: NEMO })
})

t.test('a broker that acknowledges nothing', async (t) => {
  const stub = await startStubBroker({ answer: () => 'withhold' })
  t.teardown(() => stub.stop())
  await rig.names(
    t,
    { code: 'BROKER_PUBLISH', found: /did not acknowledge/, timeoutMs: 4_000 },
    { brokerPort: stub.port },
  )
})

t.test('something changes messages on their way', async (t) => {
  const peers: Peer[] = []
  const stub = await startStubBroker({
    onConnected: (peer) => peers.push(peer),
    answer: ({ topic, payload }) => {
      const changed = payload.replace('check', 'chess')
      for (const { send } of peers) send({ cmd: 'publish', topic, payload: changed, qos: 0, dup: false, retain: false })
      return 0
    },
  })
  t.teardown(() => stub.stop())
  const { results } = await rig.check({ brokerPort: stub.port })
  t.match(
    results.find(({ code }) => code === 'SIGNATURE'),
    { level: 'critical', found: /wrong signature/ },
  )
})

t.test('limits of the broker', async (t) => {
  const limits = [
    ['max_inflight_messages 2', 'warning', /2 unacknowledged messages at once/],
    ['max_packet_size 2000', 'warning', /packets of 2000 bytes at most/],
    ['max_qos 0', 'critical', /QoS 0 only/],
  ] as const
  for (const [line, level, found] of limits) {
    const broker = await other(t, [line])
    await rig.names(t, { code: 'BROKER_LIMITS', level, found }, { brokerPort: broker.port })
  }
  const broker = await startBroker({ kind: 'mosquitto', configuration: ['retain_available false'] })
  t.teardown(() => broker.kill())
  await rig.names(t, { code: 'BROKER_LIMITS', found: /no retained messages/ }, { brokerPort: broker.port })
})

t.test('the service has another key, or is connected elsewhere', async (t) => {
  const settings = { hmac_secret_key: 'not the key of the service' }
  await rig.names(t, { code: 'BRIDGE_STATE', level: 'warning', found: /not signed with our key/ }, { settings })
  const lost = await other(t, [], {}, 'lost')
  await rig.names(t, { code: 'BRIDGE_STATE', level: 'warning', found: /says lost/ }, { brokerPort: lost.port })
  const elsewhere = { topic_prefix: 'elsewhere' }
  await rig.names(
    t,
    { code: 'BRIDGE_STATE', level: 'warning', found: /another broker or prefix/ },
    { settings: elsewhere },
  )
})

t.test('the settings cannot be used', async (t) => {
  const settings = { broker_port: 'many', keepalive: 0 }
  const found = /NEMO_MQTT_BROKER_PORT.*NEMO_MQTT_KEEPALIVE/s
  await rig.names(t, { code: 'CONFIGURATION', found }, { settings })
})

t.test('a file with a secret that everybody can read', async (t) => {
  const file = join(temporaryFolder('secret'), 'password')
  writeFileSync(file, 'in a file', { mode: 0o644 })
  const more = { NEMO_MQTT_PASSWORD_FILE: file, NEMO_MQTT_USERNAME: 'nemo' }
  const expected = { code: 'SECRET_FILES', level: 'warning', found: /everybody may read/, todo: /chmod o-rwx/ } as const
  await rig.names(t, expected, {}, more)
})
