import t from 'tap'
import { freePort } from '../../lab/port.ts'
import { type RedisServer, startRedis } from '../../lab/redis.ts'
import { AppError } from '../../src/errors.ts'
import type { RedisPlace } from '../../src/queue/connect.ts'
import { EventQueue } from '../../src/queue/event-queue.ts'
import { inspectQueue } from '../../src/queue/inspect.ts'
import { Authority, type CertificateFiles, plainFile } from './certificates.ts'

/** Redis through TLS, and what an operator reads when it does not work. */
t.setTimeout(60_000)

const authority = new Authority('Lab CA')
const stranger = new Authority('Other CA')
const past = { from: '20240101000000Z', to: '20250101000000Z' }
const ports = { mutual: 0, open: 0, expired: 0, elsewhere: 0 }
const servers: RedisServer[] = []
t.before(async () => {
  const start = async (port: number, { cert, key }: CertificateFiles, clients: string): Promise<void> => {
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', authority.cert]
    servers.push(await startRedis({ arguments: ['--tls-port', String(port), ...files, '--tls-auth-clients', clients] }))
  }
  for (const name of ['mutual', 'open', 'expired', 'elsewhere'] as const) ports[name] = await freePort()
  await start(ports.mutual, authority.sign(), 'yes')
  await start(ports.open, authority.sign(), 'no')
  await start(ports.expired, authority.sign(past), 'no')
  await start(ports.elsewhere, authority.sign({ names: 'DNS:redis.example.org' }), 'no')
})
t.teardown(() => Promise.all(servers.map((server) => server.kill())))

const own = authority.sign({ name: 'bridge' })

function place(port: number, ca = authority.cert, files: CertificateFiles = { cert: '', key: '' }, host = '127.0.0.1') {
  return {
    redis_url: `rediss://${host}:${port}/1`,
    redis_ca_file: ca,
    redis_cert_file: files.cert,
    redis_key_file: files.key,
  }
}

for (const [what, where] of [
  ['by address', () => place(ports.open)],
  ['by name', () => place(ports.open, authority.cert, undefined, 'localhost')],
  ['with a certificate of our own', () => place(ports.mutual, authority.cert, own)],
] as const) {
  t.test(`rediss:// ${what}`, async (t) => {
    const queue = await EventQueue.claim(where(), 'here')
    t.equal(await queue.push(['{"topic":"nemo/tools/1","payload":"x"}']), 1)
    t.match(await inspectQueue(where()), { queued: 1 })
    await queue.remove(['{"topic":"nemo/tools/1","payload":"x"}'])
    queue.close()
  })
}

const BY_LAB = 'issuer O=Laboratory, CN=Lab CA'
const TROUBLES: ReadonlyArray<readonly [string, () => RedisPlace, string | RegExp, string]> = [
  [
    'a wrong authority',
    () => place(ports.open, stranger.cert),
    `the certificate of Redis is signed by nobody whom we trust: subject CN=localhost, ${BY_LAB}`,
    'set NEMO_MQTT_REDIS_CA_FILE to the certificate of the authority that signed it (PEM); or let Redis send its ' +
      'whole chain',
  ],
  [
    'no authority of our own',
    () => `rediss://127.0.0.1:${ports.open}/1`,
    `the certificate of Redis is signed by nobody whom we trust: subject CN=localhost, ${BY_LAB}`,
    'set NEMO_MQTT_REDIS_CA_FILE to the certificate of the authority that signed it (PEM); or let Redis send its ' +
      'whole chain',
  ],
  [
    'an expired certificate',
    () => place(ports.expired),
    `the certificate of Redis expired on 2025-01-01T00:00:00Z: subject CN=localhost, ${BY_LAB}`,
    'renew it at Redis; if that date has not come yet, correct the clock of this machine',
  ],
  [
    'another host',
    () => place(ports.elsewhere),
    `the certificate of Redis is for redis.example.org, not for 127.0.0.1: subject CN=localhost, ${BY_LAB}`,
    'connect to Redis by a name that its certificate has: write that host in NEMO_MQTT_REDIS_URL',
  ],
  [
    'no certificate of our own',
    () => place(ports.mutual),
    'Redis asks for a client certificate, and we have none',
    'set NEMO_MQTT_REDIS_CERT_FILE and NEMO_MQTT_REDIS_KEY_FILE',
  ],
  [
    'a certificate of another authority',
    () => place(ports.mutual, authority.cert, stranger.sign({ name: 'bridge' })),
    'Redis refuses our certificate (unknown ca): subject CN=bridge, issuer O=Laboratory, CN=Other CA',
    'set NEMO_MQTT_REDIS_CERT_FILE and NEMO_MQTT_REDIS_KEY_FILE to a certificate of the authority that Redis trusts',
  ],
  [
    'a port without TLS',
    () => place(servers[1]?.port ?? 0),
    /^what listens at 127\.0\.0\.1:\d+ does not speak TLS$/,
    'correct the port (the one for TLS is another), or write redis:// in NEMO_MQTT_REDIS_URL to go without',
  ],
  [
    'a port with TLS, and we without',
    () => `redis://127.0.0.1:${ports.open}/1`,
    /^what listens at 127\.0\.0\.1:\d+ speaks TLS, and we do not$/,
    'write rediss:// instead of redis:// in NEMO_MQTT_REDIS_URL',
  ],
  [
    'an authority that is no PEM',
    () => place(ports.open, plainFile('nothing')),
    /^the file \S+ holds no certificate$/,
    'NEMO_MQTT_REDIS_CA_FILE names a PEM file: it begins with -----BEGIN CERTIFICATE-----',
  ],
]

for (const [what, where, why, todo] of TROUBLES) {
  t.test(`rediss:// ${what}: named, with what to do`, async (t) => {
    const errors = [EventQueue.claim(where(), 'here'), inspectQueue(where())].map((attempt) =>
      attempt.then(
        () => 'connected',
        (thrown: unknown) => thrown,
      ),
    )
    for (const error of await Promise.all(errors)) {
      if (!(error instanceof AppError)) throw new Error(`not an AppError: ${error}`)
      t.equal(error.code, 'NEMO_MQTT_ERR_REDIS')
      const found = error.message.replace(/^Redis( cannot be used)?: /, '')
      if (typeof why === 'string') t.equal(found, why)
      else t.match(found, why)
      t.equal(error.hint, todo)
    }
  })
}
