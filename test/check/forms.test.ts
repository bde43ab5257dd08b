import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t, { type Test } from 'tap'
import { startProxy } from '../../lab/proxy.ts'
import { CHECK_CODES, type CheckCode } from '../../src/check/catalogue.ts'
import { METRICS } from '../../src/check/metrics.ts'
import { ALL_CHECKS } from '../../src/check/run.ts'
import { CHECK_REPORT, type CheckReportJson } from '../../src/check/schema.ts'
import { type ServiceOptions, serviceEnvironment } from '../fixtures/service.ts'
import { FaultRig, HMAC_KEY } from './fault-rig.ts'
import { type CheckRun, runProgram } from './run-check.ts'

t.setTimeout(120_000)

const rig = await FaultRig.open(t)
const { laboratory } = rig
const isValid = new Ajv2020({ strict: false }).compile(CHECK_REPORT)

/** Runs the program as people do. */
async function run(arguments_: readonly string[], changed: Partial<ServiceOptions> = {}): Promise<CheckRun> {
  return await runProgram(serviceEnvironment(rig.options(changed)), arguments_)
}

/** A line of a monitoring plugin: state, text, performance data by name. */
function readNagios(line: string): { state: string; text: string; data: Record<string, string> } {
  const match = /^NEMO_MQTT (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]+) \| ([^|\n]+)\n$/.exec(line)
  if (match === null) throw new Error(`not a line of a monitoring plugin: ${line}`)
  const [, state = '', text = '', data = ''] = match
  const fields = data.split(' ').map((field) => {
    const [, name, value] = /^(\w+)=(U|-?[\d.]+(?:s|ms)?(?:;[\d:.]*){3})$/.exec(field) ?? []
    if (name === undefined || value === undefined) throw new Error(`not performance data: ${field}`)
    return [name, value] as const
  })
  return { state, text, data: Object.fromEntries(fields) }
}

t.test('each check of the catalogue is made, once, and needs only checks that are there', async (t) => {
  t.strictSame(ALL_CHECKS.map(({ code }) => code).sort(), [...CHECK_CODES].sort())
})

t.test('as the service role, with everything well: three forms, and exit code 0', async (t) => {
  const [text, nagios, json] = await Promise.all([run([]), run(['--nagios']), run(['--json'])])
  for (const one of [text, nagios, json]) {
    t.equal(one.code, 0, one.stdout)
    t.equal(one.stderr, '')
  }
  const lines = text.stdout.trimEnd().split('\n')
  t.equal(lines.filter((line) => /^ok [A-Z_]+ +\S/.test(line)).length, CHECK_CODES.length)
  t.match(lines.at(-1), new RegExp(`^OK: ${CHECK_CODES.length} checks, in \\d`))
  const line = readNagios(nagios.stdout)
  t.match(line, { state: 'OK', text: `${CHECK_CODES.length} checks are ok` })
  t.strictSame(Object.keys(line.data), Object.keys(METRICS))
  t.match(line.data, { change_log_depth: '0;;;0', oldest_seconds: '0s;60;600;0', round_trip_ms: /^[\d.]+ms;;;0$/ })
  const report = JSON.parse(json.stdout) as CheckReportJson
  t.ok(isValid(report), JSON.stringify(isValid.errors))
  t.match(report, { level: 'ok', exit_code: 0, metrics: { queue: 0, parked: 0 } })
})

t.test('the schema can be had from the program', async (t) => {
  const { stdout, code } = await run(['--schema'])
  t.equal(code, 0)
  t.strictSame(JSON.parse(stdout), JSON.parse(JSON.stringify(CHECK_REPORT)))
})

t.test('exit codes 1, 2 and 3: the worst of critical, warning and unknown', async (t) => {
  const redisUrl = laboratory.redis.url.replace(/1$/, '0')
  const warning = await run(['--nagios'], { redisUrl })
  t.equal(warning.code, 1)
  t.match(readNagios(warning.stdout), { state: 'WARNING', text: /^REDIS_DATABASE: database 0/ })
  const critical = await run(['--nagios'], { redisUrl, settings: { broker_port: 1 } })
  t.equal(critical.code, 2)
  const found = readNagios(critical.stdout)
  t.match(found, {
    state: 'CRITICAL',
    text: /^BROKER_TCP: 127.0.0.1:1 refuses.*; do: .*\(and 1 more: REDIS_DATABASE\)$/,
  })
  t.equal(found.data.round_trip_ms, 'U')
  const unknown = await run(['--only', 'ROUND_TRIP', '--json'], { settings: { broker_port: 1 } })
  t.equal(unknown.code, 3)
  const report = JSON.parse(unknown.stdout) as CheckReportJson
  t.ok(isValid(report), JSON.stringify(isValid.errors))
  t.match(report.results, [{ code: 'ROUND_TRIP', level: 'unknown', because: 'BROKER_TCP' }])
  const wrong = await run(['--only', 'NONSENSE'])
  t.match(wrong, { code: 3, stdout: '', stderr: /NONSENSE/ })
  t.notMatch(wrong.stderr, / {4}at /)
})

t.test('people read why, and what to do', async (t) => {
  const { stdout, code } = await run([], { settings: { broker_port: 1 } })
  t.equal(code, 2)
  t.match(stdout, /^!! BROKER_TCP +127.0.0.1:1 refuses/m)
  t.match(stdout, /^\? {2}ROUND_TRIP +not tried because BROKER_TCP failed$/m)
  t.match(stdout, /\n!! BROKER_TCP: .*\n {3}why: .*\n {3}do: {2}start the broker/)
  t.match(stdout, /\nCRITICAL: 1 critical, 8 unknown, in /)
})

t.test('--only can be repeated', async (t) => {
  const { stdout } = await run(['--only', 'QUEUE', '--only', 'DB_VERSION'])
  t.match(stdout, /^ok DB_VERSION .*\nok QUEUE .*\n\nOK: 2 checks/)
})

/** Runs it with everything dead and gives what is blamed. */
async function allDead(t: Test, changed: Partial<ServiceOptions>): Promise<CheckCode[]> {
  const dead = await run(['--json', '--timeout', '10'], changed)
  t.ok(dead.ms < 10_000, `${Math.round(dead.ms)} ms`)
  t.equal(dead.code, 2)
  const report = JSON.parse(dead.stdout) as CheckReportJson
  t.ok(isValid(report), JSON.stringify(isValid.errors))
  for (const { code, level, because } of report.results) {
    if (level === 'unknown') t.ok(because, `${code} has its reason`)
  }
  return report.results.filter(({ level }) => level === 'critical').map(({ code }) => code as CheckCode)
}

t.test('with everything refused, each is named', async (t) => {
  const [database, redis, broker] = [1, 2, 3]
  const changed = {
    databaseUrl: `postgres://me:hidden@127.0.0.1:${database}/nemo`,
    redisUrl: `redis://127.0.0.1:${redis}/1`,
    brokerPort: broker,
  }
  t.strictSame(await allDead(t, changed), ['DB_REACHABLE', 'REDIS_REACHABLE', 'BROKER_TCP'])
})

t.test('with everything silent, each is named within 10 s', async (t) => {
  const { postgres, redis, broker } = laboratory
  const ports = await Promise.all(
    [postgres, redis, broker].map(async ({ port }) => {
      const proxy = await startProxy({ targetPort: port })
      t.teardown(() => proxy.stop())
      proxy.silence({ newToo: true })
      return proxy.port
    }),
  )
  const changed = {
    databaseUrl: laboratory.serviceUrl.replace(String(postgres.port), String(ports[0])),
    redisUrl: redis.url.replace(String(redis.port), String(ports[1])),
    brokerPort: ports[2] ?? 0,
  }
  t.strictSame(await allDead(t, changed), ['DB_REACHABLE', 'REDIS_REACHABLE', 'BROKER_LOGIN'])
})

t.test('a database that falls silent in the middle does not hold the others up', async (t) => {
  const { postgres } = laboratory
  const proxy = await startProxy({ targetPort: postgres.port })
  t.teardown(() => proxy.stop())
  // After the log-in: the first answer to a query of ours is the last one.
  proxy.tap((_direction, chunk) => {
    if (chunk.includes('server_version_num')) proxy.silence({ newToo: true })
  })
  const databaseUrl = laboratory.serviceUrl.replace(String(postgres.port), String(proxy.port))
  const { stdout, ms, code } = await run(['--json', '--timeout', '10'], { databaseUrl })
  t.ok(ms < 10_000, `${Math.round(ms)} ms`)
  t.equal(code, 3)
  const { results } = JSON.parse(stdout) as CheckReportJson
  t.match(
    results.find((result) => result.code === 'REDIS_WRITE'),
    { level: 'ok' },
  )
  t.strictSame(
    results.filter(({ level }) => level === 'critical' || level === 'warning'),
    [],
    'nothing is blamed',
  )
})

t.test('a database that is slow: the time is kept, and what was not done says so', async (t) => {
  const { postgres } = laboratory
  const proxy = await startProxy({ targetPort: postgres.port })
  t.teardown(() => proxy.stop())
  proxy.delay(200)
  const databaseUrl = laboratory.serviceUrl.replace(String(postgres.port), String(proxy.port))
  const { results, durationMs } = await rig.check({ databaseUrl }, {}, 3_000)
  t.ok(durationMs < 3_500, `${durationMs} ms`)
  t.ok(results.some(({ level, found }) => level === 'unknown' && found.includes('no answer in time')))
  t.match(
    results.find(({ code }) => code === 'REDIS_WRITE'),
    { level: 'ok' },
  )
})

t.test('clocks that do not agree', async (t) => {
  const later = 'const now = Date.now; Date.now = () => now() + 3600e3'
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(later)}`
  const { stdout, code } = await runProgram({ ...serviceEnvironment(rig.options()), NODE_OPTIONS }, ['--json'])
  t.equal(code, 1)
  const blamed = (JSON.parse(stdout) as CheckReportJson).results.filter(({ level }) => level !== 'ok')
  t.match(blamed, [
    { code: 'CLOCKS', found: /clock of PostgreSQL is 3\d{3} s behind/ },
    { code: 'CLOCKS', found: /clock of Redis is 3\d{3} s behind/ },
  ])
})

t.test('C116 no program is needed', async (t) => {
  const { code, stderr } = await runProgram({ ...serviceEnvironment(rig.options()), PATH: '/nonexistent' }, [
    '--nagios',
  ])
  t.equal(code, 0, stderr)
})

t.test('C117 from an empty folder, with a file that cannot be read: one line, no stack', async (t) => {
  const empty = mkdtempSync(join(tmpdir(), 'nemo-mqtt-empty-'))
  t.equal((await runProgram(serviceEnvironment(rig.options()), ['--nagios'], empty)).code, 0)
  const { databaseUrl, redisUrl, brokerPort } = rig.options()
  const more = { NEMO_MQTT_USERNAME: 'me', NEMO_MQTT_PASSWORD_FILE: join(empty, 'gone') }
  const environment = { ...serviceEnvironment({ databaseUrl, redisUrl, brokerPort }), ...more }
  const unreadable = await runProgram(environment, [], empty)
  t.equal(unreadable.code, 2)
  t.match(unreadable.stdout, /^!! CONFIGURATION: .*\n.*NEMO_MQTT_PASSWORD_FILE: the file cannot be read.*gone/m)
  t.notMatch(unreadable.stdout + unreadable.stderr, / {4}at /)
  const nothing = await runProgram({}, [], empty)
  t.equal(nothing.code, 2)
  t.match(nothing.stdout, /NEMO_MQTT_DATABASE_URL: is missing/)
  t.notMatch(nothing.stdout + nothing.stderr, / {4}at /)
})

t.test('no secret is in any form', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'nemo-mqtt-secret-'))
  writeFileSync(join(folder, 'password'), 'broker-secret\n', { mode: 0o600 })
  const environment = {
    ...serviceEnvironment(rig.options()),
    NEMO_MQTT_DATABASE_URL: `postgres://me:database-secret@127.0.0.1:${laboratory.postgres.port}/database-secret`, // named
    NEMO_MQTT_REDIS_URL: laboratory.redis.url.replace('//', '//me:redis-secret@'),
    NEMO_MQTT_USERNAME: 'me',
    NEMO_MQTT_PASSWORD_FILE: join(folder, 'password'),
    NEMO_MQTT_CONFIG_KEY: 'config-secret-config-secret',
    NEMO_MQTT_NONSENSE: '1',
  }
  for (const form of [[], ['--json'], ['--nagios']]) {
    for (const more of [{}, { NEMO_MQTT_NONSENSE: undefined }]) {
      const { stdout, stderr, code } = await runProgram({ ...environment, ...more }, form)
      t.equal(code, 2)
      t.notMatch(stdout + stderr, new RegExp(`-secret|${HMAC_KEY}`))
    }
  }
})
