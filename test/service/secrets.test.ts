import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { requirePrograms } from '../../lab/install.ts'
import { freePort } from '../../lab/port.ts'
import { until } from '../../lab/wait.ts'
import { runProgram } from '../check/run-check.ts'
import { runCli, type ServiceOptions, serviceEnvironment } from '../fixtures/service.ts'
import { openLaboratory } from './laboratory.ts'

t.setTimeout(180_000)

/** With characters that take another form in URLs, JSON and shells. */
const SECRETS = {
  database: 'pg/Secret 1+"x"',
  redis: 'redis$Secret%2',
  password: 'mqtt"Secret\\3',
  stored: 'stored&Secret=4',
  hmac: 'hmac Secret ö5',
  config: 'config-key-Secret-6-long',
}

/** What a secret can look like on its way through URLs, JSON, base64 and hexadecimal. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const json = JSON.stringify(secret).slice(1, -1)
  return [secret, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(secret), bytes.toString('hex')].concat(
    bytes.toString('base64').replace(/=+$/, ''),
  )
}

t.test('no secret in any log, page, metric, message, archive or error of a whole run', async (t) => {
  const [passwd = ''] = requirePrograms(['mosquitto_passwd'])
  const passwords = join(temporaryFolder('secrets'), 'passwords')
  writeFileSync(passwords, '')
  for (const [user, password] of [
    ['lab', SECRETS.password],
    ['stored', SECRETS.stored],
  ] as const) {
    execFileSync(passwd, ['-b', passwords, user, password], { stdio: 'pipe' })
  }
  execFileSync('chmod', ['644', passwords])
  const laboratory = await openLaboratory(t, { broker: [`password_file ${passwords}`] })
  const { redis, subscriber, serviceUrl, broker } = laboratory
  await redis.command(`ACL SETUSER lab on >${SECRETS.redis} ~* +@all`)
  const port = await freePort()
  const withPassword = (url: string, user: string, password: string): string => {
    const changed = new URL(url)
    changed.username = user
    changed.password = encodeURIComponent(password)
    return changed.href
  }
  const options: ServiceOptions = {
    databaseUrl: withPassword(serviceUrl, new URL(serviceUrl).username, SECRETS.database),
    redisUrl: withPassword(redis.url, 'lab', SECRETS.redis),
    brokerPort: broker.port,
    settings: {
      username: 'lab',
      password: SECRETS.password,
      use_hmac: true,
      hmac_secret_key: SECRETS.hmac,
      config_key: SECRETS.config,
      log_messages: true,
      log_level: 'DEBUG',
      http_port: port,
    },
  }
  const environment = serviceEnvironment(options)
  const seen: Array<readonly [string, string]> = []
  const run = async (what: string, changed: NodeJS.ProcessEnv, ...words: string[]): Promise<void> => {
    seen.push([what, (await runCli(words, { ...environment, ...changed })).output])
  }
  const page = async (path: string): Promise<string> => await (await fetch(`http://127.0.0.1:${port}${path}`)).text()

  const service = await laboratory.start(options)
  const isReady = async (): Promise<boolean> => (await page('/readyz').catch(() => '')) === 'ok\n'
  await until(isReady, { deadlineMs: 30_000, what: 'messages to flow' })
  await laboratory.sql(`update "NEMO_tool" set operational = not operational where id = 1`)
  for (const path of ['/health', '/metrics', '/readyz', '/livez', '/nothing']) seen.push([path, await page(path)])

  // A configuration with secrets of its own.
  const file = join(temporaryFolder('secrets'), 'import.json')
  writeFileSync(file, JSON.stringify({ name: 'lab', settings: { username: 'stored', password: SECRETS.stored } }))
  const free = { NEMO_MQTT_USERNAME: '', NEMO_MQTT_PASSWORD: '' }
  await run('import', free, 'config', 'import', file)
  for (const words of [['show', 'lab'], ['export', 'lab'], ['history'], ['test', 'lab']]) {
    await run(words.join(' '), free, 'config', ...words)
  }
  await run('enable', free, 'config', 'enable', 'lab')
  await run('another key', { NEMO_MQTT_CONFIG_KEY: 'another key of length' }, 'config', 'show', 'lab')
  await run('status', {}, 'status', '--json')
  await run('explain', {}, 'explain', 'tool', '1')
  await run('send', {}, 'send')
  const bundle = join(temporaryFolder('secrets'), 'bundle.tar.gz')
  await run('bundle', {}, 'bundle', bundle)
  seen.push(['bundle', execFileSync('tar', ['-xzOf', bundle], { encoding: 'utf8' })])

  // And whatever can be wrong with each of them.
  const wrong: ReadonlyArray<readonly [string, NodeJS.ProcessEnv]> = [
    ['right', {}],
    ['broker password', { NEMO_MQTT_PASSWORD: `${SECRETS.password}-wrong` }],
    ['Redis password', { NEMO_MQTT_REDIS_URL: withPassword(redis.url, 'lab', `${SECRETS.redis}-wrong`) }],
    ['database', { NEMO_MQTT_DATABASE_URL: `${options.databaseUrl}-wrong` }],
    ['no URL', { NEMO_MQTT_DATABASE_URL: `mysql://u:${encodeURIComponent(SECRETS.database)}@h/d` }],
    ['bad URL', { NEMO_MQTT_REDIS_URL: `redis://u:${SECRETS.redis}@h:1/x` }],
  ]
  for (const [what, changed] of wrong) {
    // JSON holds all that the other two forms hold.
    const { stdout, stderr } = await runProgram({ ...environment, ...changed }, ['--json'])
    seen.push([`check: ${what}`, stdout + stderr])
    await run(`status: ${what}`, changed, 'status')
  }
  await broker.stop()
  await redis.kill()
  await service.says('broker', 'failing')
  await service.says('redis', 'failing')
  await service.stop()
  seen.push(['log', service.lines.map((line) => JSON.stringify(line)).join('\n')], ['log, raw', service.output])
  seen.push([
    'messages',
    [...subscriber.messages, ...subscriber.aside].map(({ topic, raw }) => `${topic} ${raw}`).join('\n'),
  ])

  t.ok(
    seen.every(([, text]) => text !== ''),
    'everything said something',
  )
  t.ok(subscriber.aside.length > 0, 'health messages were among them')
  const leaks = Object.entries(SECRETS).flatMap(([name, secret]) =>
    formsOf(secret).flatMap((form) =>
      seen.filter(([, text]) => text.includes(form)).map(([what]) => `${name} in ${what}`),
    ),
  )
  t.strictSame(leaks, [])
})
