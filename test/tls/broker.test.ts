import { copyFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type Broker, startBroker } from '../../lab/broker.ts'
import { freePort } from '../../lab/port.ts'
import { until } from '../../lab/wait.ts'
import type { LogLine } from '../fixtures/service.ts'
import { Authority, type CertificateFiles, encryptKey, plainFile } from './certificates.ts'
import { firstWord, type Given, LinkUnderTest, settingsOf } from './link.ts'

/** The words that an operator sees for each way in which TLS and WebSockets go wrong, on a real mosquitto. */
t.setTimeout(120_000)
t.jobs = 4 // nearly all of it is waiting

const authority = new Authority('Lab CA')
const stranger = new Authority('Other CA')
const past = { from: '20240101000000Z', to: '20250101000000Z' }
const expired = new Authority('Old CA', past)
const future = { from: '20900101000000Z', to: '20910101000000Z' }
const servers = {
  valid: authority.sign(),
  expired: authority.sign(past),
  early: authority.sign(future),
  elsewhere: authority.sign({ name: 'mqtt.example.org', names: 'DNS:mqtt.example.org,DNS:broker.example.org' }),
  unknown: stranger.sign(),
  expiredAbove: expired.sign(),
}
const bridge = authority.sign({ name: 'bridge' })

let broker: Broker
const at: Record<string, number> = {}
t.before(async () => {
  const lines: string[] = []
  const listener = async (name: string, own: readonly string[]): Promise<void> => {
    at[name] = await freePort()
    lines.push(`listener ${at[name]} 127.0.0.1`, ...own)
  }
  const secure = ({ cert, key }: CertificateFiles) => [`certfile ${cert}`, `keyfile ${key}`]
  for (const [name, files] of Object.entries(servers)) await listener(name, secure(files))
  const mutual = [`cafile ${authority.cert}`, 'require_certificate true']
  await listener('mutual', [...secure(servers.valid), ...mutual])
  await listener('mutual12', [...secure(servers.valid), ...mutual, 'tls_version tlsv1.2'])
  await listener('ws', ['protocol websockets'])
  await listener('wss', [...secure(servers.valid), 'protocol websockets'])
  await listener('wssExpired', [...secure(servers.expired), 'protocol websockets'])
  await listener('wssElsewhere', [...secure(servers.elsewhere), 'protocol websockets'])
  await listener('wssUnknown', [...secure(servers.unknown), 'protocol websockets'])
  broker = await startBroker({ kind: 'mosquitto', configuration: lines })
  at.plain = broker.port
})
t.teardown(() => broker.kill())

interface Case {
  readonly what: string
  readonly to: string
  readonly given?: Given
  /** Of what comes after `no connection to the broker at {address}: `; none when the connection comes about. */
  readonly why?: string | RegExp
  readonly todo?: string | RegExp
}

const mqtts: Given = { broker_protocol: 'mqtts', tls_ca_file: authority.cert }
const wss: Given = { broker_protocol: 'wss', tls_ca_file: authority.cert }
const own = ({ cert, key }: CertificateFiles): Given => ({ tls_cert_file: cert, tls_key_file: key })
const LAB = 'issuer O=Laboratory, CN=Lab CA'
const NO_CERTIFICATE = {
  why: 'the broker asks for a client certificate, and we have none',
  todo: 'set NEMO_MQTT_TLS_CERT_FILE and NEMO_MQTT_TLS_KEY_FILE',
}
const NOT_SIGNED = {
  why: 'the certificate of the broker is signed by nobody whom we trust: subject CN=localhost, issuer O=Laboratory, CN=Other CA',
  todo:
    'set NEMO_MQTT_TLS_CA_FILE to the certificate of the authority that signed it (PEM); or let the broker send its ' +
    'whole chain',
}
const EXPIRED = {
  why: `the certificate of the broker expired on 2025-01-01T00:00:00Z: subject CN=localhost, ${LAB}`,
  todo: 'renew it at the broker; if that date has not come yet, correct the clock of this machine',
}
const WRONG_HOST = {
  why:
    'the certificate of the broker is for mqtt.example.org, broker.example.org, not for 127.0.0.1: ' +
    `subject CN=mqtt.example.org, ${LAB}`,
  todo: 'connect to the broker by a name that its certificate has: set NEMO_MQTT_BROKER_HOST or NEMO_MQTT_TLS_SERVER_NAME to it',
}
const NOT_TLS = (scheme: string) => ({
  why: /^what listens at 127\.0\.0\.1:\d+ does not speak TLS$/,
  todo: `correct the port (the one for TLS is another), or set NEMO_MQTT_BROKER_PROTOCOL=${scheme} to go without`,
})

const CASES: readonly Case[] = [
  { what: 'valid, by address', to: 'valid', given: mqtts },
  { what: 'valid, by name', to: 'valid', given: { ...mqtts, broker_host: 'localhost' } },
  { what: 'MQTT 3.1.1', to: 'valid', given: { ...mqtts, mqtt_version: '3.1.1' } },
  { what: 'expired', to: 'expired', given: mqtts, ...EXPIRED },
  {
    what: 'an authority that has expired',
    to: 'expiredAbove',
    given: { ...mqtts, tls_ca_file: expired.cert },
    why:
      'the certificate of the broker has an issuer (O=Laboratory, CN=Old CA) that expired on 2025-01-01T00:00:00Z: ' +
      'subject CN=localhost, issuer O=Laboratory, CN=Old CA',
  },
  {
    what: 'not yet valid',
    to: 'early',
    given: mqtts,
    why: `the certificate of the broker is not valid yet, only from 2090-01-01T00:00:00Z: subject CN=localhost, ${LAB}`,
    todo: 'correct the clock of this machine, or make the certificate of the broker anew',
  },
  { what: 'wrong host', to: 'elsewhere', given: mqtts, ...WRONG_HOST },
  {
    what: 'another name that the certificate has',
    to: 'elsewhere',
    given: { ...mqtts, tls_server_name: 'broker.example.org' },
  },
  {
    what: 'an address that it has not',
    to: 'valid',
    given: { ...mqtts, tls_server_name: '10.1.2.3' },
    why: `the certificate of the broker is for localhost, 127.0.0.1, not for 10.1.2.3: subject CN=localhost, ${LAB}`,
  },
  { what: 'unknown authority', to: 'unknown', given: mqtts, ...NOT_SIGNED },
  {
    what: 'no authority of our own',
    to: 'valid',
    given: { broker_protocol: 'mqtts' },
    why: `the certificate of the broker is signed by nobody whom we trust: subject CN=localhost, ${LAB}`,
  },
  { what: 'client certificate', to: 'mutual', given: { ...mqtts, ...own(bridge) } },
  { what: 'client certificate, TLS 1.2', to: 'mutual12', given: { ...mqtts, ...own(bridge) } },
  {
    what: 'client certificate with a passphrase',
    to: 'mutual',
    given: {
      ...mqtts,
      tls_cert_file: bridge.cert,
      tls_key_file: encryptKey(bridge.key, 'secret words'),
      tls_key_passphrase: 'secret words',
    },
  },
  { what: 'client certificate missing', to: 'mutual', given: mqtts, ...NO_CERTIFICATE },
  {
    what: 'client certificate missing, TLS 1.2',
    to: 'mutual12',
    given: mqtts,
    ...NO_CERTIFICATE,
  },
  {
    what: 'client certificate of another authority',
    to: 'mutual',
    given: { ...mqtts, ...own(stranger.sign({ name: 'bridge' })) },
    why: 'the broker refuses our certificate (unknown ca): subject CN=bridge, issuer O=Laboratory, CN=Other CA',
    todo: 'set NEMO_MQTT_TLS_CERT_FILE and NEMO_MQTT_TLS_KEY_FILE to a certificate of the authority that the broker trusts',
  },
  {
    what: 'client certificate expired',
    to: 'mutual',
    given: { ...mqtts, ...own(authority.sign({ name: 'bridge', ...past })) },
    why: `our certificate expired on 2025-01-01T00:00:00Z, and the broker refuses it: subject CN=bridge, ${LAB}`,
    todo: 'renew NEMO_MQTT_TLS_CERT_FILE and NEMO_MQTT_TLS_KEY_FILE',
  },
  { what: 'plain listener', to: 'plain', given: mqtts, ...NOT_TLS('mqtt') },
  {
    what: 'TLS listener, plain protocol',
    to: 'valid',
    why: /^what listens at 127\.0\.0\.1:\d+ speaks TLS, and we do not$/,
    todo: 'set NEMO_MQTT_BROKER_PROTOCOL=mqtts',
  },
  { what: 'WebSocket', to: 'ws', given: { broker_protocol: 'ws' } },
  { what: 'WebSocket, another path', to: 'ws', given: { broker_protocol: 'ws', broker_path: '/deep/path?a=b' } },
  {
    what: 'WebSocket to a listener of MQTT',
    to: 'plain',
    given: { broker_protocol: 'ws' },
    why: /^what listens at ws:\/\/127\.0\.0\.1:\d+\/mqtt does not speak WebSocket$/,
    todo: 'correct the port, or set NEMO_MQTT_BROKER_PROTOCOL=mqtt',
  },
  {
    what: 'WebSocket to a TLS listener',
    to: 'wss',
    given: { broker_protocol: 'ws' },
    why: /speaks TLS, and we do not$/,
    todo: 'set NEMO_MQTT_BROKER_PROTOCOL=wss',
  },
  { what: 'WebSocket with TLS', to: 'wss', given: wss },
  { what: 'WebSocket with TLS, by name', to: 'wss', given: { ...wss, broker_host: 'localhost' } },
  { what: 'WebSocket with TLS, expired', to: 'wssExpired', given: wss, ...EXPIRED },
  { what: 'WebSocket with TLS, wrong host', to: 'wssElsewhere', given: wss, ...WRONG_HOST },
  {
    what: 'WebSocket with TLS, another name',
    to: 'wssElsewhere',
    given: { ...wss, tls_server_name: 'mqtt.example.org' },
  },
  { what: 'WebSocket with TLS, unknown authority', to: 'wssUnknown', given: wss, ...NOT_SIGNED },
  { what: 'WebSocket with TLS to a plain WebSocket', to: 'ws', given: wss, ...NOT_TLS('ws') },
  { what: 'WebSocket with TLS, client certificate missing', to: 'mutual', given: wss, ...NO_CERTIFICATE },
  {
    what: 'WebSocket with TLS to a listener of MQTT with TLS',
    to: 'valid',
    given: wss,
    why: /does not speak WebSocket$/,
    todo: 'correct the port, or set NEMO_MQTT_BROKER_PROTOCOL=mqtts',
  },
]

for (const one of CASES) {
  t.test(`TLS: ${one.what}`, { buffered: true }, (t) => judge(t, one))
}

for (const [what, protocol, to] of [
  ['mqtts', 'mqtts', 'expired'],
  ['wss', 'wss', 'wssUnknown'],
] as const) {
  t.test(`TLS: ${what} without verification is a warning`, { buffered: true }, async (t) => {
    const port = at[to] ?? 0
    const line = await firstWord(t, { broker_protocol: protocol, broker_port: port, tls_verify: false })
    const address = `${protocol}://127.0.0.1:${port}${protocol === 'wss' ? '/mqtt' : ''}`
    t.match(line, { level: 'warning', state: 'ok' })
    t.equal(
      line.msg,
      `connected to the broker at ${address}; its certificate is not verified (NEMO_MQTT_TLS_VERIFY=false), ` +
        'so anybody could be that broker',
    )
  })
}

const missing = '/nonexistent/ca.pem'
const damaged = plainFile('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
const FILES: ReadonlyArray<readonly [string, Given, string, string]> = [
  [
    'an authority that is not there',
    { tls_ca_file: missing },
    `the file ${missing} cannot be read: ENOENT: no such file or directory, open '${missing}'`,
    'NEMO_MQTT_TLS_CA_FILE names a file with certificates (PEM)',
  ],
  [
    'an empty authority',
    { tls_ca_file: plainFile('\n') },
    'the file {tls_ca_file} is empty',
    'NEMO_MQTT_TLS_CA_FILE names a file with certificates (PEM)',
  ],
  [
    'an authority that is no PEM',
    { tls_ca_file: plainFile('0\u0082\u0001') },
    'the file {tls_ca_file} holds no certificate',
    'NEMO_MQTT_TLS_CA_FILE names a PEM file: it begins with -----BEGIN CERTIFICATE-----',
  ],
  [
    'a damaged authority',
    { tls_ca_file: damaged },
    `the file ${damaged} holds a certificate that cannot be read: it is damaged or cut off`,
    'NEMO_MQTT_TLS_CA_FILE names a PEM file: it begins with -----BEGIN CERTIFICATE-----',
  ],
  [
    'a certificate in place of the key',
    { tls_cert_file: bridge.cert, tls_key_file: bridge.cert },
    'the file {tls_key_file} holds no private key that can be read',
    'NEMO_MQTT_TLS_KEY_FILE names a PEM file: it begins with -----BEGIN PRIVATE KEY----- or the like',
  ],
  [
    'the key of another certificate',
    { tls_cert_file: bridge.cert, tls_key_file: servers.valid.key },
    'the key in {tls_key_file} is not that of the certificate in {tls_cert_file}',
    'NEMO_MQTT_TLS_CERT_FILE and NEMO_MQTT_TLS_KEY_FILE belong together; the certificate comes first in its file, ' +
      'its chain after it',
  ],
  [
    'a passphrase that is missing',
    { tls_cert_file: bridge.cert, tls_key_file: encryptKey(bridge.key, 'secret words') },
    'the key in {tls_key_file} is encrypted',
    'set NEMO_MQTT_TLS_KEY_PASSPHRASE',
  ],
  [
    'a wrong passphrase',
    {
      tls_cert_file: bridge.cert,
      tls_key_file: encryptKey(bridge.key, 'secret words'),
      tls_key_passphrase: 'other words',
    },
    'the key in {tls_key_file} does not open with the passphrase',
    'correct NEMO_MQTT_TLS_KEY_PASSPHRASE',
  ],
]

for (const [what, given, why, todo] of FILES) {
  t.test(`files: ${what}`, { buffered: true }, (t) =>
    judge(t, { what, to: 'mutual', given: { ...mqtts, ...given }, why: filled(why, given), todo }),
  )
}

t.test('files: an unusable one is no end: the connection comes about when it is mended', async (t) => {
  const file = plainFile('')
  const link = new LinkUnderTest(settingsOf({ ...mqtts, tls_ca_file: file, broker_port: at.valid ?? 0 }))
  t.teardown(() => link.stop())
  t.match(await link.says(), { state: 'failing', msg: /is empty$/ })
  copyFileSync(authority.cert, file)
  await until(() => link.lines.some(({ state }) => state === 'ok'), { what: 'the connection' })
})

async function judge(t: Test, { to, given = {}, why, todo }: Case): Promise<void> {
  const line: LogLine = await firstWord(t, { ...given, broker_port: at[to] ?? 0 })
  if (why === undefined) {
    t.match(line, { level: 'info', state: 'ok', msg: /^connected to the broker at / })
    return
  }
  t.match(line, { level: 'warning', state: 'failing' })
  const found = line.msg.replace(/^no connection to the broker at \S+: /, '')
  if (typeof why === 'string') t.equal(found, why)
  else t.match(found, why)
  if (typeof todo === 'string') t.equal(line.todo, todo)
  else if (todo !== undefined) t.match(line.todo, todo)
}

function filled(text: string, given: Given): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(given[name]))
}
