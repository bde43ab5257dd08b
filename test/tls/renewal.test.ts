import { copyFileSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Broker, startBroker } from '../../lab/broker.ts'
import { temporaryFolder } from '../../lab/folder.ts'
import { freePort } from '../../lab/port.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { createLog } from '../../src/log.ts'
import { CertificateWatch } from '../../src/publish/certificate-watch.ts'
import type { LogLine } from '../fixtures/service.ts'
import { openRig, type Rig, upTo } from '../publish/rig.ts'
import { openLaboratory } from '../service/laboratory.ts'
import { Load } from '../service/load.ts'
import { Authority, type CertificateFiles } from './certificates.ts'

/** Certificates are renewed while messages flow: nothing is lost, everything is signed, and in its order. */
t.setTimeout(120_000)
t.jobs = 3 // nearly all of it is waiting

const SECRET = 'renewal-secret'
const authority = new Authority('Lab CA')

/** Files that are renewed as certbot does it: a link is turned to another folder. */
class Renewable implements CertificateFiles {
  readonly #live: string
  readonly #folder = temporaryFolder('renewable')
  #version = 0

  constructor(files: CertificateFiles) {
    this.#live = join(this.#folder, 'live')
    this.renew(files)
  }

  get cert(): string {
    return join(this.#live, 'cert.pem')
  }

  get key(): string {
    return join(this.#live, 'key.pem')
  }

  renew({ cert, key }: CertificateFiles): void {
    const folder = join(this.#folder, String(++this.#version))
    mkdirSync(folder)
    copyFileSync(cert, join(folder, 'cert.pem'))
    copyFileSync(key, join(folder, 'key.pem'))
    symlinkSync(folder, `${this.#live}.new`)
    renameSync(`${this.#live}.new`, this.#live)
  }
}

/** A mosquitto that wants a certificate from its clients and names them by it in its log. */
async function mutualBroker(t: Test, server: CertificateFiles) {
  const port = await freePort()
  const lines = mutualListener(port, server)
  const broker = await startBroker({ kind: 'mosquitto', configuration: lines })
  t.teardown(() => broker.kill())
  return { broker, port }
}

function mutualListener(port: number, { cert, key }: CertificateFiles): string[] {
  const files = [`certfile ${cert}`, `keyfile ${key}`, `cafile ${authority.cert}`]
  return [`listener ${port} 127.0.0.1`, ...files, 'require_certificate true', 'use_identity_as_username true']
}

function isConnectedAs(broker: Broker, name: string): boolean {
  if (broker.kind !== 'mosquitto') throw new Error('a real mosquitto is needed')
  return broker.output.includes(`u'${name}'`)
}

/** A signing bridge under load, with a watch that looks often. */
async function underLoad(t: Test, port: number, broker: Broker, files: Readonly<Record<string, string>>) {
  const rig = await openRig(t, {
    NEMO_MQTT_BROKER_PROTOCOL: 'mqtts',
    NEMO_MQTT_BROKER_PORT: String(port),
    NEMO_MQTT_USE_HMAC: 'true',
    NEMO_MQTT_HMAC_SECRET_KEY: SECRET,
    NEMO_MQTT_CLIENT_ID: `renewal-${port}`,
    ...files,
  })
  const subscriber = await startSubscriber({ url: broker.url, topics: ['nemo/tools/#'], secret: SECRET })
  t.teardown(() => subscriber.stop())
  const lines: LogLine[] = []
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as LogLine)
  }
  const log = createLog({ level: 'DEBUG', secrets: () => [], destination: { write } })
  const end = new AbortController()
  t.teardown(() => end.abort())
  rig.start()
  const watching = new CertificateWatch({ live: rig.live, broker: rig.broker, log, everyMs: 50 }).run(end.signal)
  watching.catch(() => undefined) // it throws nothing but faults of ours; then no renewal is seen
  const load = new Numbers(rig)
  load.start()
  await subscriber.waitFor(20)
  const verify = async (): Promise<void> => {
    const count = await load.stop()
    t.equal(await rig.drained(), 0, 'nothing is parked')
    await until(() => new Set(subscriber.messages.map(({ payload }) => payload)).size >= count, {
      what: 'the last one',
    })
    t.strictSame(subscriber.faults, [], 'all are signed')
    for (const tool of upTo(3)) {
      const arrived = subscriber.messages.filter(({ topic }) => topic === `nemo/tools/${tool}`)
      const numbers = [...new Set(arrived.map(({ payload }) => Number(payload)))]
      t.strictSame(
        numbers,
        upTo(count).filter((n) => n % 3 === tool),
        'in order, none missing',
      )
    }
  }
  return { rig, lines, verify }
}

/** Numbers on three topics in turn, without end. */
class Numbers {
  readonly #rig: Rig
  #count = 0
  #isOver = false
  #running: Promise<void> = Promise.resolve()

  constructor(rig: Rig) {
    this.#rig = rig
  }

  start(): void {
    this.#running = (async () => {
      while (!this.#isOver) {
        const first = this.#count
        this.#count += 30
        await this.#rig.pushAll(upTo(30).map((n) => [`nemo/tools/${(first + n) % 3}`, String(first + n)]))
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })()
  }

  async stop(): Promise<number> {
    this.#isOver = true
    await this.#running
    return this.#count
  }
}

t.test('the client certificate is renewed five times under load, once in two steps', { buffered: true }, async (t) => {
  const { broker, port } = await mutualBroker(t, authority.sign())
  const files = new Renewable(authority.sign({ name: 'bridge-0' }))
  const { rig, lines, verify } = await underLoad(t, port, broker, {
    NEMO_MQTT_TLS_CA_FILE: authority.cert,
    NEMO_MQTT_TLS_CERT_FILE: files.cert,
    NEMO_MQTT_TLS_KEY_FILE: files.key,
  })
  for (const n of [1, 2, 3, 4]) {
    files.renew(authority.sign({ name: `bridge-${n}` }))
    await until(() => isConnectedAs(broker, `bridge-${n}`), { what: 'a link with the new certificate' })
  }
  const next = authority.sign({ name: 'bridge-5' })
  const before = rig.broker.certificates
  const cut = readFileSync(next.cert, 'utf8').slice(0, 200)
  writeFileSync(files.cert, cut)
  const warned = (text: string) => until(() => lines.some(({ msg }) => msg.includes(text)), { what: text })
  await warned(`the link goes on with the earlier certificate files: the file ${files.cert} holds no certificate`)
  copyFileSync(next.cert, files.cert)
  await warned(`the key in ${files.key} is not that of the certificate in ${files.cert}`)
  t.equal(rig.broker.certificates, before, 'half of it is not used')
  t.ok(rig.broker.link, 'and the link goes on')
  copyFileSync(next.key, files.key)
  await until(() => isConnectedAs(broker, 'bridge-5'), { what: 'a link with the new certificate' })
  await verify()
  t.equal(lines.filter(({ msg }) => msg.startsWith('the certificate files have changed')).length, 5)
  t.equal(lines.filter(({ level }) => level === 'warning').length, 2, 'each problem is said once')
  const troubles = rig.lines.filter(({ stage, state }) => stage === 'broker' && state === 'failing')
  t.strictSame(troubles, [], 'and the broker is never in trouble')
})

t.test('the server certificate is renewed under load, by another authority', { buffered: true }, async (t) => {
  const server = new Renewable(authority.sign())
  const { broker, port } = await mutualBroker(t, server)
  if (broker.kind !== 'mosquitto') throw new Error('a real mosquitto is needed')
  const other = new Authority('New CA')
  const own = authority.sign({ name: 'bridge' })
  const ca = join(temporaryFolder('authority'), 'ca.pem')
  copyFileSync(authority.cert, ca)
  const { rig, verify } = await underLoad(t, port, broker, {
    NEMO_MQTT_TLS_CA_FILE: ca,
    NEMO_MQTT_TLS_CERT_FILE: own.cert,
    NEMO_MQTT_TLS_KEY_FILE: own.key,
  })
  const connections = (): number => broker.output.split("u'bridge'").length - 1
  writeFileSync(ca, readFileSync(authority.cert, 'utf8') + readFileSync(other.cert, 'utf8'))
  await until(() => connections() === 2, { what: 'a link that trusts both authorities' })
  server.renew(other.sign())
  process.kill(broker.pid ?? 0, 'SIGHUP')
  await until(() => broker.output.includes('Reloading config'), { what: 'mosquitto to read its files again' })
  copyFileSync(other.cert, ca)
  await until(() => connections() === 3, { what: 'a link that trusts the new authority alone' })
  await until(() => rig.broker.link !== undefined, { what: 'the link' })
  await verify()
})

t.test(
  'the service itself, with Redis through TLS too, notices a renewed client certificate',
  { buffered: true },
  async (t) => {
    const [port, redisPort] = [await freePort(), await freePort()]
    const server = authority.sign()
    const redis = ['--tls-port', String(redisPort), '--tls-auth-clients', 'no', '--tls-ca-cert-file', authority.cert]
    const laboratory = await openLaboratory(t, {
      broker: mutualListener(port, server),
      redis: [...redis, '--tls-cert-file', server.cert, '--tls-key-file', server.key],
    })
    const files = new Renewable(authority.sign({ name: 'bridge-old' }))
    const service = await laboratory.start({
      brokerPort: port,
      redisUrl: `rediss://127.0.0.1:${redisPort}/1`,
      settings: {
        redis_ca_file: authority.cert,
        broker_protocol: 'mqtts',
        tls_ca_file: authority.cert,
        tls_cert_file: files.cert,
        tls_key_file: files.key,
      },
    })
    const load = await Load.open(t, laboratory)
    await load.roundTrip(20_000)
    load.start(100)
    files.renew(authority.sign({ name: 'bridge-new' }))
    await service.logged(({ msg }) => msg.startsWith('the certificate files have changed'), 'the renewal', 12_000)
    await until(() => isConnectedAs(laboratory.broker, 'bridge-new'), { what: 'a link with the new certificate' })
    await load.flows(10_000)
    await load.stop()
    await load.verify(t)
    t.notOk(service.lines.some(({ stage, state }) => stage === 'broker' && state === 'failing'))
    await service.stop()
  },
)
