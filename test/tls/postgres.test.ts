import { chmodSync, copyFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { startPostgres } from '../../lab/postgres.ts'
import { giveTo, unprivilegedUser } from '../../lab/system-user.ts'
import { until } from '../../lab/wait.ts'
import { connect } from '../../src/db/database.ts'
import { createPool } from '../../src/db/pool.ts'
import { AppError, reasonOf } from '../../src/errors.ts'
import { runCli } from '../fixtures/service.ts'
import { upTo } from '../publish/rig.ts'
import { type Laboratory, openLaboratory } from '../service/laboratory.ts'
import { Load } from '../service/load.ts'
import { Authority, type CertificateFiles, plainFile } from './certificates.ts'

/** PostgreSQL with `sslmode=verify-full`, and what an operator reads when it does not work. */
t.setTimeout(120_000)

const authority = new Authority('Lab CA')
const stranger = new Authority('Other CA')
const folder = temporaryFolder('postgres-tls')
const served = { cert: join(folder, 'server.pem'), key: join(folder, 'server.key') }

// PostgreSQL takes no key that others may read, and runs as somebody else when we are root.
function serve({ cert, key }: CertificateFiles): void {
  copyFileSync(cert, served.cert)
  copyFileSync(key, served.key)
  chmodSync(served.key, 0o600)
  giveTo(served.key, unprivilegedUser())
}

const verified = (url: string, ca = authority.cert): string => `${url}?sslmode=verify-full&sslrootcert=${ca}`

let laboratory: Laboratory
t.before(async () => {
  serve(authority.sign())
  laboratory = await openLaboratory(t, {
    postgres: { ssl: 'on', ssl_cert_file: served.cert, ssl_key_file: served.key },
  })
})

t.test('every connection uses TLS: pool, lock, LISTEN, migrate and status', async (t) => {
  const ca = plainFile('')
  copyFileSync(authority.cert, ca)
  const service = await laboratory.start({ databaseUrl: verified(laboratory.serviceUrl, ca) })
  const load = await Load.open(t, laboratory)
  await load.roundTrip(20_000)
  const rows = await laboratory.sql(
    `select application_name as name, bool_and(ssl) as ssl, min(version) as version
       from pg_stat_activity join pg_stat_ssl using (pid) where application_name like 'nemo-mqtt%' group by 1 order by 1`,
  )
  t.strictSame(
    rows.map(({ name, ssl, version }) => [name, ssl, version]),
    [
      ['nemo-mqtt', true, 'TLSv1.3'],
      ['nemo-mqtt lease', true, 'TLSv1.3'],
      ['nemo-mqtt listen', true, 'TLSv1.3'],
    ],
  )
  const environment = {
    NEMO_MQTT_DATABASE_URL: verified(laboratory.databaseUrl, ca),
    NEMO_MQTT_REDIS_URL: laboratory.redis.url,
  }
  for (const command of ['migrate', 'status']) {
    const { code, output } = await runCli([command], environment)
    t.equal(code, 0, output)
    t.notMatch(output, /Warning/)
  }

  t.comment('an authority that vanishes for a while, and every connection with it')
  load.start(50)
  renameSync(ca, `${ca}.away`)
  const seen = service.lines.length
  await laboratory.sql(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'nemo-mqtt%'",
  )
  const line = await service.says('lease', 'failing', 15_000, seen)
  t.match(line.msg, 'the connection that holds the lock was lost')
  await service.logged(
    ({ msg, todo }) =>
      msg.includes(`the file ${ca} cannot be read: ENOENT`) && todo?.startsWith('sslrootcert in') === true,
    'the file',
    15_000,
    seen,
  )
  t.ok(service.isRunning)
  renameSync(`${ca}.away`, ca)
  await service.says('lease', 'ok', 15_000, seen)
  await load.flows(20_000)
  await load.stop()
  await load.verify(t)
  await service.stop()
})

t.test('queries that wait while the authority is away fail, and nothing else does', async (t) => {
  const ca = plainFile('')
  copyFileSync(authority.cert, ca)
  const pool = createPool(verified(laboratory.serviceUrl, ca), () => undefined)
  t.teardown(() => pool.end())
  const sleep = () => pool.query('select pg_sleep(60)').catch((error: unknown) => reasonOf(error))
  const running = upTo(4).map(sleep)
  const sleeping = "from pg_stat_activity where query like 'select pg_sleep%'"
  const isRunning = async () => (await laboratory.sql(`select 1 ${sleeping}`)).length === 4
  await until(isRunning, { what: 'four queries, all that the pool allows' })
  const waiting = upTo(4).map(sleep)
  renameSync(ca, `${ca}.away`)
  await laboratory.sql(`select pg_terminate_backend(pid) ${sleeping}`)
  t.strictSame(new Set(await Promise.all(running)), new Set(['terminating connection due to administrator command']))
  for (const reason of await Promise.all(waiting)) t.match(reason, /ENOENT/)
  renameSync(`${ca}.away`, ca)
  t.match(await pool.query('select 1 as one'), { rows: [{ one: 1 }] })
})

const BY_LAB = 'issuer O=Laboratory, CN=Lab CA'
const NOT_SIGNED = {
  why: `the certificate of PostgreSQL is signed by nobody whom we trust: subject CN=localhost, ${BY_LAB}`,
  todo:
    'set sslrootcert in NEMO_MQTT_DATABASE_URL to the certificate of the authority that signed it (PEM); or let ' +
    'PostgreSQL send its whole chain',
}
const TROUBLES: ReadonlyArray<{
  readonly what: string
  /** Also by a service that starts; the words come from the same place for all. */
  readonly isSeenByService?: true
  readonly url: () => string
  readonly served?: CertificateFiles
  readonly why: string
  readonly todo: string
}> = [
  {
    what: 'a wrong authority',
    isSeenByService: true,
    url: () => verified(laboratory.serviceUrl, stranger.cert),
    ...NOT_SIGNED,
  },
  { what: 'no authority of our own', url: () => `${laboratory.serviceUrl}?sslmode=verify-full`, ...NOT_SIGNED },
  {
    what: 'an authority that is no PEM',
    url: () => verified(laboratory.serviceUrl, plainFile('nothing')),
    why: 'the file {ca} holds no certificate',
    todo: 'sslrootcert in NEMO_MQTT_DATABASE_URL names a PEM file: it begins with -----BEGIN CERTIFICATE-----',
  },
  {
    what: 'an authority that is not there',
    url: () => verified(laboratory.serviceUrl, '/nonexistent.pem'),
    why: "the file /nonexistent.pem cannot be read: ENOENT: no such file or directory, open '/nonexistent.pem'",
    todo: 'sslrootcert in NEMO_MQTT_DATABASE_URL names a file with certificates (PEM)',
  },
  {
    what: 'another host',
    isSeenByService: true,
    url: () => verified(laboratory.serviceUrl),
    served: authority.sign({ name: 'db', names: 'DNS:db.example.org' }),
    why: `the certificate of PostgreSQL is for db.example.org, not for 127.0.0.1: subject CN=db, ${BY_LAB}`,
    todo: 'connect to PostgreSQL by a name that its certificate has: write that host in NEMO_MQTT_DATABASE_URL',
  },
  {
    what: 'an expired certificate',
    url: () => verified(laboratory.serviceUrl),
    served: authority.sign({ from: '20240101000000Z', to: '20250101000000Z' }),
    why: `the certificate of PostgreSQL expired on 2025-01-01T00:00:00Z: subject CN=localhost, ${BY_LAB}`,
    todo: 'renew it at PostgreSQL; if that date has not come yet, correct the clock of this machine',
  },
]

for (const { what, isSeenByService, url: urlOf, served: files, why, todo } of TROUBLES) {
  t.test(`${what}: named, with what to do`, async (t) => {
    if (files !== undefined) await serveAnew(files)
    const url = urlOf()
    const error = await connect(url).catch((thrown: unknown) => thrown)
    if (!(error instanceof AppError)) throw new Error(`not an AppError: ${error}`)
    const expected = why.replace('{ca}', /sslrootcert=(.*)/.exec(url)?.[1] ?? '')
    t.equal(
      error.message.replace(/^cannot connect to database "nemo" at 127\.0\.0\.1:\d+ as "sidecar": /, ''),
      expected,
    )
    t.equal(error.hint, todo)
    if (isSeenByService === undefined) return
    const service = await laboratory.start({ databaseUrl: url })
    const line = await service.says('lease', 'failing')
    t.equal(line.msg, `waiting for PostgreSQL: ${expected}`)
    t.equal(line.todo, todo)
    await service.stop()
  })
}

t.test('a server without TLS', async (t) => {
  const plain = await startPostgres()
  t.teardown(() => plain.kill())
  await t.rejects(connect(verified(plain.url('postgres'))), {
    message: /: The server does not support SSL connections$/,
    hint: 'turn on ssl at the server, or take sslmode out of NEMO_MQTT_DATABASE_URL where the way to it is safe',
  })
})

t.test('a server that takes nobody without TLS', async (t) => {
  const strict = await startPostgres({ settings: { ssl: 'on', ssl_cert_file: served.cert, ssl_key_file: served.key } })
  t.teardown(() => strict.kill())
  writeFileSync(join(strict.dataFolder, 'pg_hba.conf'), 'hostssl all all all trust\n')
  await strict.execute('postgres', 'select pg_reload_conf()')
  await until(async () => !(await isOpen(strict.url('postgres'))), { what: 'the server to want TLS' })
  await t.rejects(connect(strict.url('postgres')), {
    message: /no pg_hba.conf entry for host "127\.0\.0\.1", user "postgres", database "postgres", no encryption$/,
    hint:
      'let the server’s pg_hba.conf allow this role; or, where it wants TLS, add ' +
      '?sslmode=verify-full&sslrootcert=FILE to NEMO_MQTT_DATABASE_URL',
  })
})

async function isOpen(url: string): Promise<boolean> {
  try {
    await (await connect(url)).close()
    return true
  } catch {
    return false // that is the answer
  }
}

// The server reads the files again when it is told to; a session that begins then sees them.
async function serveAnew(files: CertificateFiles): Promise<void> {
  serve(files)
  const { postgres } = laboratory
  const [before] = await postgres.execute('postgres', 'select pg_conf_load_time() as at')
  await postgres.execute('postgres', 'select pg_reload_conf()')
  const isLoaded = async (): Promise<boolean> => {
    const [now] = await postgres.execute('postgres', 'select pg_conf_load_time() as at')
    return String(now?.at) !== String(before?.at)
  }
  await until(isLoaded, { what: 'PostgreSQL to read its certificate again' })
}
