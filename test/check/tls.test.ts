import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { temporaryFolder } from '../../lab/folder.ts'
import { type BrokerProbe, probeBroker } from '../../src/check/probe.ts'
import { readSettings } from '../../src/config/environment.ts'
import { program } from '../fixtures/service.ts'

t.setTimeout(60_000)

const folder = temporaryFolder('certificates')
const file = (name: string): string => join(folder, name)

/** Makes a certificate authority. */
function makeAuthority(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-days', '30']
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, ...subject)
}

/** Makes a certificate for some names, signed by the authority `lab`, valid for so many days; with 0 it has expired at once. */
function makeCertificate(name: string, names: string, days: number): void {
  openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    '-subj',
    `/CN=${name}`,
  )
  writeFileSync(file(`${name}.ext`), `subjectAltName=${names}\n`)
  const by = ['-CA', 'lab.pem', '-CAkey', 'lab.key', '-CAcreateserial', '-extfile', `${name}.ext`]
  openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, '-days', String(days), ...by)
}

function openssl(...arguments_: string[]): void {
  execFileSync(program('openssl'), arguments_, { cwd: folder, stdio: 'pipe' })
}

makeAuthority('lab')
makeAuthority('stranger')
const HERE = 'DNS:localhost,IP:127.0.0.1'
makeCertificate('good', HERE, 60)
makeCertificate('soon', HERE, 10)
makeCertificate('expired', HERE, 0)
makeCertificate('elsewhere', 'DNS:mqtt.example.org', 60)

/** Starts a mosquitto with a certificate and probes it. */
async function probe(
  t: Test,
  certificate: string,
  settings: Readonly<Record<string, string>> = {},
  lines: readonly string[] = [],
): Promise<BrokerProbe> {
  const own = [`certfile ${file(`${certificate}.pem`)}`, `keyfile ${file(`${certificate}.key`)}`]
  const broker = await startBroker({ kind: 'mosquitto', configuration: [...own, ...lines] })
  t.teardown(() => broker.kill())
  const environment = {
    NEMO_MQTT_DATABASE_URL: 'postgres://localhost/nemo',
    NEMO_MQTT_BROKER_HOST: '127.0.0.1',
    NEMO_MQTT_BROKER_PORT: String(broker.port),
    NEMO_MQTT_BROKER_PROTOCOL: 'mqtts',
    NEMO_MQTT_TLS_CA_FILE: file('lab.pem'),
    ...settings,
  }
  return await probeBroker(readSettings(environment), AbortSignal.timeout(5_000))
}

t.test('a good certificate: every layer up to the signature', async (t) => {
  const { layers, roundTripMs, certificateDays } = await probe(t, 'good')
  for (const [layer, findings] of Object.entries(layers)) {
    t.strictSame(
      findings.map(({ level }) => level),
      ['ok'],
      layer,
    )
  }
  t.equal(Object.keys(layers).length, 9)
  t.match(layers.certificate?.[0]?.found, /CN=good\) is valid until \d{4}-\d\d-\d\d, for 59 days/)
  t.equal(certificateDays, 59)
  t.ok(roundTripMs !== undefined && roundTripMs > 0)
})

t.test('one that expires soon', async (t) => {
  const { layers } = await probe(t, 'soon')
  t.match(layers.certificate, [
    { level: 'warning', found: /CN=soon\) expires on \d{4}-\d\d-\d\d, in 9 days/, todo: /renew/ },
  ])
  t.match(layers.readBack, [{ level: 'ok' }])
})

t.test('one that has expired: with its date and subject', async (t) => {
  const { layers } = await probe(t, 'expired')
  t.match(layers.tls, [
    { level: 'critical', found: /CERT_HAS_EXPIRED\): expired, .* to \d{4}-\d\d-\d\d/, todo: /renew/ },
  ])
  t.notOk(layers.login, 'nothing else is tried')
})

t.test('one for another name, and the name that it has', async (t) => {
  const { layers } = await probe(t, 'elsewhere')
  t.match(layers.tls, [{ level: 'critical', found: /ALTNAME.*DNS:mqtt.example.org/, todo: /SERVER_NAME/ }])
  const right = await probe(t, 'elsewhere', { NEMO_MQTT_TLS_SERVER_NAME: 'mqtt.example.org' })
  t.match(right.layers.readBack, [{ level: 'ok' }])
})

t.test('one of an unknown authority', async (t) => {
  const { layers } = await probe(t, 'good', { NEMO_MQTT_TLS_CA_FILE: file('stranger.pem') })
  t.match(layers.tls, [{ level: 'critical', found: /not valid/, todo: /it was made by lab/ }])
  const unchecked = await probe(t, 'good', {
    NEMO_MQTT_TLS_CA_FILE: file('stranger.pem'),
    NEMO_MQTT_TLS_VERIFY: 'false',
  })
  t.match(unchecked.layers.tls, [{ level: 'warning', todo: /VERIFY=true/ }])
  t.match(unchecked.layers.readBack, [{ level: 'ok' }])
})

t.test('a broker that wants a certificate of ours', async (t) => {
  const lines = ['require_certificate true', `cafile ${file('lab.pem')}`]
  const { layers } = await probe(t, 'good', {}, lines)
  t.match(layers.tls, [{ level: 'critical', todo: /TLS_CERT_FILE/ }])
  const own = { NEMO_MQTT_TLS_CERT_FILE: file('soon.pem'), NEMO_MQTT_TLS_KEY_FILE: file('soon.key') }
  const shown = await probe(t, 'good', own, lines)
  t.match(shown.layers.certificate, [{ level: 'ok' }, { level: 'warning', found: /our certificate \(CN=soon\)/ }])
  t.match(shown.layers.readBack, [{ level: 'ok' }])
})

t.test('a port that does not speak TLS, a file that is not there', async (t) => {
  const plain = await startBroker({ kind: 'mosquitto' })
  t.teardown(() => plain.kill())
  const here = { NEMO_MQTT_BROKER_PORT: String(plain.port) }
  const { layers } = await probe(t, 'good', here)
  t.match(layers.tls, [{ level: 'critical', todo: /BROKER_PROTOCOL/ }])
  const missing = await probe(t, 'good', { NEMO_MQTT_TLS_CA_FILE: file('gone.pem') })
  t.match(missing.layers.tls, [{ level: 'critical', found: /gone.pem/, todo: /\S/ }])
})

t.test('plain MQTT to a port that speaks TLS; a WebSocket where there is none', async (t) => {
  const { layers } = await probe(t, 'good', { NEMO_MQTT_BROKER_PROTOCOL: 'mqtt', NEMO_MQTT_TLS_CA_FILE: '' })
  t.match(layers.login, [{ level: 'critical', todo: /BROKER_PROTOCOL/ }])
  const wss = await probe(t, 'good', { NEMO_MQTT_BROKER_PROTOCOL: 'wss' })
  t.match(wss.layers, { tls: [{ level: 'ok' }], login: [{ level: 'critical', todo: /BROKER_PROTOCOL/ }] })
})
