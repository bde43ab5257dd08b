import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { freePort } from '../../lab/port.ts'
import { until } from '../../lab/wait.ts'
import type { LoggedMessage } from '../../src/archive/record.ts'
import { encodeEntry } from '../../src/queue/entry.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { runCli, serviceEnvironment } from '../fixtures/service.ts'
import { delivered, openLaboratory, withRedis } from '../service/laboratory.ts'
import { runHere, startCommand } from './command.ts'

/** Every command that looks closer, in one laboratory with a service that signs, in the order in which one would. */
t.setTimeout(180_000)

const KEY = 'looking-closer-key'
const laboratory = await openLaboratory(t)
const { redis, sql, subscriber } = laboratory
await sql(
  `insert into nemo_mqtt.configuration (name, enabled, settings) values ('lab', true, '{"log_messages": true}')`,
)
const settings = { use_hmac: true, hmac_secret_key: KEY, http_port: await freePort() }
const environment = serviceEnvironment(laboratory.options({ settings }))
const service = await laboratory.start({ settings })
await service.says('broker', 'ok')

const run = (...words: string[]) => runHere(words, environment)
const rowsOf = async (...words: string[]): Promise<LoggedMessage[]> => {
  const { stdout } = await run('log', '--json', ...words)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LoggedMessage)
}
const logged = async (where: string, count: number): Promise<void> => {
  const isThere = async (): Promise<boolean> =>
    (await sql(`select count(*)::int as n from nemo_mqtt.message_log where ${where}`))[0]?.n === count
  await until(isThere, { deadlineMs: 10_000, what: `${count} rows where ${where}` })
}
const push = (...entries: object[]): Promise<unknown> =>
  withRedis(redis, (client) => client.lpush(KEYS.queue, ...entries.map((entry) => JSON.stringify(entry))))

/** An event as the contract has it. */
function updated(tool_id: number, event_id: string): string {
  const nothing = { tool_name: null, tool_status: null, category: null, visible: null, parent_tool_id: null }
  const timestamp = '2026-11-25T08:00:00Z'
  return JSON.stringify({ event: 'tool_updated', tool_id, ...nothing, timestamp, changed: ['name'], event_id })
}

t.test('log and explain: what was delivered, unheard, parked and silent', async (t) => {
  await sql('update "NEMO_tool" set operational = false where id = 1')
  await sql('insert into "NEMO_usageevent" (operator_id, project_id, tool_id, user_id) values (3, 1, 4, 3)')
  await sql('update "NEMO_usageevent" set project_id = 2')
  await push({ topic: 'elsewhere/1', payload: '{"event":"weather"}' }, { topic: 'nemo/a+b', payload: 'Marie Keller' })
  await logged('true', 5)
  t.match(await rowsOf('--tool', '1'), [
    { event: 'tool_disabled', outcome: 'delivered', topic: 'nemo/tools/1/disabled' },
  ])
  t.strictSame((await rowsOf('--tool', '4')).map(({ outcome, event, reason }) => [outcome, event, reason]).sort(), [
    ['delivered', 'tool_usage_start', null],
    ['silent', null, 'only project_id differs, which makes no event'],
  ])
  t.match(
    JSON.parse((await rowsOf('--tool', '1'))[0]?.payload ?? ''),
    { event: 'tool_disabled', tool_id: 1 },
    'not the envelope',
  )
  t.match(await rowsOf('--topic', 'elsewhere/+'), [{ outcome: 'unheard' }])
  t.equal((await rowsOf('--topic', 'nemo/tools/#')).length, 2)
  t.match(await rowsOf('--event', 'tool_usage_start', '--since', '1h', '--until', '2100-01-01T00:00:00Z'), [
    { tool: '4' },
  ])
  t.strictSame(await rowsOf('--until', '1h'), [])
  t.equal((await rowsOf('--limit', '2')).length, 2)
  t.match((await run('log', '--topic', 'nemo/a+b')).code, 2, 'no topic filter')
  t.match(await run('log', '--since', 'yesterday'), { code: 2, output: /no time/ })
  t.match((await runCli(['log'], environment)).stdout, /parked {4} nemo\/a\+b {2}the topic holds a wildcard/)

  t.match(await run('explain', 'NEMO_tool', '1'), {
    code: 0,
    stdout: /^\S+ {2}change \d+ +delivered {2}tool_disabled on nemo\/tools\/1\/disabled\n$/,
  })
  const usage = await run('explain', 'usage', '1')
  t.match(usage.stdout, /delivered {2}tool_usage_start on nemo\/tools\/4\/start\n.*silent {5}only project_id differs/)
  t.match(usage.output, /never captured.*validated/)
  t.match(await run('explain', 'project', '1'), { code: 2, output: /NEMO_usageevent/ })
})

t.test('a message log that cannot be written holds up neither delivery nor deletion', async () => {
  const locker = sql('begin; lock table nemo_mqtt.message_log in access exclusive mode; select pg_sleep(3); commit')
  await sql('update "NEMO_tool" set operational = true where id = 1')
  await subscriber.waitFor(({ topic }) => topic === 'nemo/tools/1/enabled', 2_000)
  const isEmpty = async (): Promise<boolean> =>
    (await sql('select count(*)::int as n from nemo_mqtt.change_log'))[0]?.n === 0
  await until(isEmpty, { deadlineMs: 2_000, what: 'the change log to be empty while the message log is locked' })
  await locker
  await logged(`event = 'tool_enabled'`, 1)
})

t.test('monitor: the last messages from Redis, then those that follow; verified from MQTT; ends with 0', async (t) => {
  const fromRedis = startCommand(
    t,
    ['monitor', '--source', 'redis', '--topic', 'nemo/tools/+/disabled', '--json'],
    environment,
  )
  t.match(JSON.parse((await fromRedis.printed(1))[0] ?? ''), { topic: 'nemo/tools/1/disabled' }, 'what was there')
  const fromMqtt = startCommand(t, ['monitor', '--source', 'mqtt', '--json'], environment)
  await until(() => /listening/.test(fromMqtt.notes()), { what: 'the subscription' })
  const kept = await withRedis(redis, (client) => client.lrange(KEYS.monitor, 0, -1))
  await sql('update "NEMO_tool" set operational = false where id = 2')
  await subscriber.client.publishAsync(
    'nemo/forged',
    JSON.stringify({ payload: 'x', hmac: 'f'.repeat(64), algo: 'sha256' }),
  )
  await subscriber.client.publishAsync('nemo/plain', 'hello')
  t.match(JSON.parse((await fromRedis.printed(2))[1] ?? ''), { topic: 'nemo/tools/2/disabled', payload: /"event_id"/ })
  const seen = (topic: string) =>
    until(
      () => fromMqtt.lines.map((line) => JSON.parse(line) as Record<string, string>).find((one) => one.topic === topic),
      { what: topic },
    )
  t.match(await seen('nemo/tools/2/disabled'), { signature: 'good', payload: /^{"event":"tool_disabled"/ })
  t.match(await seen('nemo/forged'), { signature: 'bad', why: /does not fit/ })
  t.match(await seen('nemo/plain'), { signature: 'none', payload: 'hello' })
  for (const command of [fromRedis, fromMqtt]) {
    command.signal('SIGINT')
    t.equal(await command.ended, 0)
  }
  const after = await withRedis(redis, (client) => client.lrange(KEYS.monitor, 0, -1))
  t.strictSame(after.slice(-kept.length), kept, 'nothing was removed')
  const cli = fileURLToPath(new URL('../../bin/nemo-mqtt.js', import.meta.url))
  const shell = `${process.execPath} ${cli} monitor --source redis | head -n 1; echo "\${PIPESTATUS[0]}"`
  const piped = promisify(execFile)('bash', ['--norc', '-c', `(${shell}) 2>&1`], {
    env: { ...environment },
    timeout: 20_000,
  })
  // It is told that nobody reads any more when it writes the next time.
  let isOver = false
  const over = piped.finally(() => {
    isOver = true
  })
  while (!isOver) {
    await push({ topic: 'nemo/more', payload: '{}' })
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 100))])
  }
  t.match((await piped).stdout, /^\S+ {2}\S+\/.*\n0\n$/, 'a closed pipe is a quiet end')
})

t.test('parked: listed, shown, tried again behind the others with its event_id, deleted', async (t) => {
  await run('parked', 'drop', '--all', '--yes')
  const park = (n: number, reason: string, entry = entryOf(n)): string =>
    JSON.stringify({ entry, reason, attempts: 3, time: '2026-11-25T08:00:00.000Z' })
  const entryOf = (n: number): string =>
    encodeEntry({
      topic: `nemo/tools/${n}`,
      payload: updated(n, `inst-${n}-0`),
      retain: false,
      entity: `tools/${n}`,
      origin: { installation: 'inst', change: String(n), index: 0, count: 1 },
      queuedAt: 1,
    })
  const put = (...texts: string[]) => withRedis(redis, (client) => client.lpush(KEYS.parked, ...texts))
  await put(
    park(100, 'not authorized (0x87)'),
    park(101, 'packet too large (0x95)'),
    park(0, 'the entry is not JSON', 'x'),
    'foreign',
  )
  const lines = (await run('parked', 'list')).stdout.split('\n')
  t.match(lines, [
    /^[0-9a-f]{10} {2}2026-11-25T08:00:00.000Z {2}nemo\/tools\/100: not authorized/,
    /101/,
    /\(unreadable\)/,
    /another program/,
    '4 parked',
  ])
  const [first = '', second = '', third = ''] = lines.map((line) => line.split(' ')[0] ?? '')
  await put(park(102, 'quota'))
  t.match(await run('parked', 'show', second.slice(0, 6)), {
    code: 0,
    stdout: /topic {5}nemo\/tools\/101\nretain {4}false\npayload {3}{"event":"tool_updated"/,
  })
  t.match(await run('parked', 'show', 'ffffffffff'), { code: 2, output: /no message with number/ })
  t.match(await run('parked', 'retry', third), { code: 1, stdout: /^0 put back.*\n1 cannot be read/ })
  t.match(await run('parked', 'retry'), { code: 2, output: /--all/ })
  t.match(await run('parked', 'drop', second), { code: 1, output: /nobody is there to be asked[\s\S]*--yes/ })
  t.match(await run('parked', 'drop', second, '--yes'), { code: 0, stdout: '1 deleted\n' })
  t.match(await run('parked', 'retry', first), { code: 0, stdout: '1 put back to the end of the queue\n' })
  t.match(await subscriber.waitFor(({ topic }) => topic === 'nemo/tools/100'), { raw: /inst-100-0/ })
  t.match(await run('parked', 'retry', first), { code: 2 }, 'it is not there any more')
  t.match(await run('parked', 'retry', '--all', '--reason', 'Quota'), { code: 0, stdout: /^1 put back/ })
  await run('parked', 'drop', '--all', '--yes')
  t.equal((await run('parked', 'list')).stdout, 'no messages are parked\n')

  const many = Array.from({ length: 400 }, (_, n) => 1_000 + n)
  await put(...many.map((n) => park(n, 'quota')))
  const both = await Promise.all([1, 2].map(() => runCli(['parked', 'retry', '--all'], environment)))
  const moved = both.map(({ stdout }) => Number(/^\d+/.exec(stdout)?.[0]))
  t.equal((moved[0] ?? 0) + (moved[1] ?? 0), 400, `two at once, ${moved.join(' and ')}: each message once`)
  await delivered(laboratory)
  const arrived = subscriber.messages.filter(({ topic }) => /^nemo\/tools\/1\d\d\d$/.test(topic))
  t.strictSame(
    arrived.map(({ topic }) => Number(topic.slice(11))).sort((a, b) => a - b),
    many,
  )
})

t.test('send: the whole way, with the times', async (t) => {
  const { code, stdout } = await runCli(['send'], environment)
  t.equal(code, 0, stdout)
  t.match(
    stdout,
    /^ +\d+ ms {2}subscribed to nemo\/bridge\/test[\s\S]*in the Redis list nemo_mqtt_events\n[\s\S]*back over MQTT, the signature is good\n$/,
  )
  t.match(await run('send', '--topic', 'nemo/mine', '--payload', '{"a": 1.0}'), { code: 0 })
  t.match(await subscriber.waitFor(({ topic }) => topic === 'nemo/mine'), { raw: /{\\"a\\": 1.0}/ })
  t.match(await run('send', '--topic', 'a/#'), { code: 2, output: /wildcard/ })
  t.match(await run('send', '--payload', '{'), { code: 2, output: /not JSON/ })
  const otherKey = { ...environment, NEMO_MQTT_HMAC_SECRET_KEY: 'another' }
  t.match(await runHere(['send'], otherKey), { code: 1, stdout: /STUCK: it came back, but the signature does not fit/ })
  const otherBroker = { ...environment, NEMO_MQTT_BROKER_PORT: String(await freePort()) }
  t.match(await runHere(['send'], otherBroker), {
    code: 1,
    stdout: /STUCK at the subscription at the broker: .*ECONNREFUSED/,
  })
})

t.test('verify: live', async (t) => {
  const command = startCommand(t, ['verify', '--live', 'nemo/#'], environment)
  await until(() => /listening/.test(command.notes()), { what: 'the subscription' })
  await sql('update "NEMO_tool" set operational = true where id = 2')
  await until(() => command.lines.find((line) => line === 'good  nemo/tools/2/enabled  tool_enabled'), {
    what: 'a good one',
  })
  command.signal('SIGINT')
  t.equal(await command.ended, 0)
  t.match(command.lines.at(-1), /^\d+ good, 0 bad$/)
})

t.test('bundle: all of it, and nobody’s data', async (t) => {
  await push({ topic: 'people/marie', payload: 'x' }, { topic: 'nemo/a#b', payload: '{"user":"ada@lab.example"}' })
  await withRedis(redis, (client) => client.lpush(KEYS.queue, '"Marie Keller", yusuf@lab.example', 'Tomás Reyes'))
  await until(async () => (await withRedis(redis, (client) => client.llen(KEYS.parked))) === 3, {
    what: 'three parked',
  })
  const folder = mkdtempSync(join(tmpdir(), 'nemo-mqtt-bundle-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'bundle.tar.gz')
  const secret = {
    ...environment,
    NEMO_MQTT_USERNAME: 'brokeruser',
    NEMO_MQTT_PASSWORD: 'hunter2-mqtt',
    NEMO_MQTT_CONFIG_KEY: 'hunter2-config-key',
  }
  t.match(await runCli(['bundle', file], secret), { code: 0, stdout: /about.json/ })
  t.match(await runCli(['bundle', file], secret), { code: 2, output: /EEXIST/ }, 'nothing is overwritten')
  t.equal(statSync(file).mode & 0o777, 0o600)
  execFileSync('tar', ['-xzf', file, '-C', folder])
  const names = readdirSync(folder).filter((name) => name !== 'bundle.tar.gz')
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  const json = (name: string): unknown => JSON.parse(read(name))
  t.match(json('about.json'), { version: /\d/, node: process.version })
  t.match(json('settings.json'), {
    hmac_secret_key: { value: 'set' },
    tls_key_passphrase: { value: 'not set' },
    log_messages: { value: true, isFixedByEnvironment: false },
  })
  t.match(json('database.json'), { applied: [/000001/], drift: [] })
  t.match(json('postgresql.json'), { version: /PostgreSQL \d+/, settings: { fsync: /o/ } })
  t.match(json('redis.json'), { redis_version: /\d/, maxmemory_policy: /\w/ })
  t.match(json('counts.json'), { redis: { parked: 3 }, postgresql: { messageLog: { delivered: Number } } })
  t.match(json('health.json'), { role: 'active' })
  t.match(read('metrics.txt'), /nemo_mqtt_stage_ok\{stage="broker"\} 1/)
  const reasons = (json('parked.json') as Array<{ reason: string }>).map(({ reason }) => reason)
  t.equal(reasons.filter((reason) => /not JSON/.test(reason)).length, 2)
  t.equal(reasons.filter((reason) => /wildcard/.test(reason)).length, 1)
  const people = await sql('select username, first_name, last_name, email from "NEMO_user"')
  const words = people.flatMap((person) => Object.values(person).map(String))
  for (const name of names) {
    const text = read(name)
    for (const word of [...words, KEY, 'hunter2', 'brokeruser']) {
      const isIn = new RegExp(`(?<![\\p{L}\\d])${word.replace(/[.]/g, '\\.')}(?![\\p{L}\\d])`, 'iu').test(text)
      t.notOk(isIn, `${word} in ${name}`)
    }
  }
})

t.test('off, live; then only what waits is explained', async (t) => {
  await sql(`update nemo_mqtt.configuration set settings = '{"log_messages": false}'`)
  const count = async () => (await sql('select count(*)::int as n from nemo_mqtt.message_log'))[0]?.n
  let n = 0
  await until(
    async () => {
      const before = await count()
      n += 1
      await sql(`update "NEMO_tool" set name = 'renamed ${n}' where id = 5`)
      await delivered2()
      return (await count()) === before
    },
    { deadlineMs: 15_000, what: 'the log to be off' },
  )
  async function delivered2(): Promise<void> {
    await subscriber.waitFor(({ raw }) => raw.includes(`renamed ${n}\\"`))
    await new Promise((resolve) => setTimeout(resolve, 1_000)) // a row that is not written cannot be waited for
  }
  await service.stop()
  await sql('update "NEMO_tool" set operational = false where id = 3')
  await sql('update "NEMO_tool" set phone_number = 5 where id = 3')
  const { stdout, output, code } = await run('explain', 'tool', '3')
  t.equal(code, 0)
  t.match(
    stdout,
    /waiting {4}UPDATE will become tool_disabled on nemo\/tools\/3\/disabled, then tool_disabled on nemo\/tools\/6\/disabled\n.*waiting {4}UPDATE will become no message: only phone_number differs/,
  )
  t.match(output, /the message log is off/)
  t.match(await run('send', '--timeout', '1'), {
    code: 1,
    stdout: /STUCK: it waits in the Redis list and nothing takes it.*it was taken back/,
  })
  await withRedis(redis, (client) =>
    client.lpush(
      KEYS.parked,
      JSON.stringify({
        entry: encodeEntry({
          topic: 'nemo/tools/77',
          payload: updated(77, 'old-7-0'),
          retain: false,
          entity: 'tools/77',
          origin: { installation: String(installation), change: '7', index: 0, count: 1 },
          queuedAt: 1,
        }),
        reason: 'quota',
        attempts: 30,
        time: '2026-11-25T08:00:00.000Z',
      }),
    ),
  )
  t.match(
    (await run('explain', 'tool', '77')).stdout,
    /change 7 +parked {5}tool_updated on nemo\/tools\/77: quota \(nemo-mqtt parked show/,
  )
  t.match(await run('parked', 'retry', '--all', '--reason', 'quota'), { code: 0 })
  await laboratory.start({ settings })
  t.match(
    await subscriber.waitFor(({ topic }) => topic === 'nemo/tools/77', 20_000),
    { raw: /old-7-0/ },
    'a new start does not take it for delivered',
  )
})

const installation = (await sql('select id from nemo_mqtt.installation'))[0]?.id
