import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { databaseUrl, readSettings, redisSettings } from '../../src/config/environment.ts'
import { secretsOf } from '../../src/config/resolve.ts'
import { SECRET_NAMES } from '../../src/config/settings.ts'
import { cleanTopicPrefix } from '../../src/config/topic-prefix.ts'
import { AppError } from '../../src/errors.ts'

const ENOUGH = { NEMO_MQTT_DATABASE_URL: 'postgres://nemo:pw@localhost/nemo' }
const folder = temporaryFolder('config')

/** The message of the error that these variables give. */
function problems(environment: NodeJS.ProcessEnv): string {
  try {
    readSettings(environment)
  } catch (error) {
    if (error instanceof AppError && error.code === 'NEMO_MQTT_ERR_CONFIG') return error.message
    throw error
  }
  return ''
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

t.test('the database URL is enough; everything else has a default', async (t) => {
  const settings = readSettings(ENOUGH)
  t.match(settings, {
    redis_url: 'redis://127.0.0.1:6379/1',
    broker_host: 'localhost',
    broker_port: 1883,
    mqtt_version: '5',
    max_reconnect_attempts: 0,
    topic_prefix: 'nemo',
    use_hmac: false,
  })
  t.ok(Object.isFrozen(settings))
  t.match(
    readSettings({ ...ENOUGH, PATH: '/bin', NEMO_MQTTX: 'x', NEMO_MQTT_BROKER_HOST: '' }).broker_host,
    'localhost',
  )
})

t.test('all problems are told at once, each with its variable', async (t) => {
  const said = problems({
    NEMO_MQTT_BROKER_PORT: '70000',
    NEMO_MQTT_KEEPALIVE: 'often',
    NEMO_MQTT_MQTT_VERSION: '4',
    NEMO_MQTT_USE_HMAC: 'perhaps',
    NEMO_MQTT_LOG_LEVEL: 'LOUD',
    NEMO_MQTT_BROKER: 'x',
  })
  for (const one of [/DATABASE_URL: is missing/, /BROKER_PORT: .*70000/, /KEEPALIVE: "often"/, /MQTT_VERSION: "4"/]) {
    t.match(said, one)
  }
  t.match(said, /USE_HMAC: "perhaps"/)
  t.match(said, /LOG_LEVEL: "LOUD"/)
  t.match(said, /NEMO_MQTT_BROKER: there is no such setting; do you mean NEMO_MQTT_BROKER_HOST/)
})

t.test('what belongs together is checked together', async (t) => {
  t.match(
    problems({ ...ENOUGH, NEMO_MQTT_USE_HMAC: 'true' }),
    /HMAC_SECRET_KEY: is missing .* nothing is sent unsigned/,
  )
  t.match(problems({ ...ENOUGH, NEMO_MQTT_PASSWORD: 'pw' }), /USERNAME: is missing/)
  t.match(problems({ NEMO_MQTT_DATABASE_URL: 'mysql://x/y' }), /DATABASE_URL: is not of the form/)
  t.match(problems({ ...ENOUGH, NEMO_MQTT_REDIS_URL: 'localhost:6379' }), /REDIS_URL: is not of the form/)
  t.match(problems({ ...ENOUGH, NEMO_MQTT_REDIS_URL: 'redis://h/one' }), /number of a database/)
  for (const host of ['mqtt://h', 'h/x', 'u:secret@h', 'a b']) {
    const said = problems({ ...ENOUGH, NEMO_MQTT_BROKER_HOST: host })
    t.match(said, /BROKER_HOST: is a name or an address alone/)
    t.notMatch(said, 'secret')
  }
  t.equal(problems({ ...ENOUGH, NEMO_MQTT_BROKER_HOST: '::1' }), '')
})

t.test('whoever names certificates does not send in plain text', async (t) => {
  const ca = { ...ENOUGH, NEMO_MQTT_TLS_CA_FILE: '/ca.pem' }
  t.match(
    problems(ca),
    /BROKER_PROTOCOL: is mqtt, without TLS, although NEMO_MQTT_TLS_CA_FILE is set; mqtts is with TLS/,
  )
  t.match(problems({ ...ca, NEMO_MQTT_BROKER_PROTOCOL: 'ws' }), /is ws, .*; wss is with TLS/)
  for (const protocol of ['mqtts', 'wss']) {
    t.equal(readSettings({ ...ca, NEMO_MQTT_BROKER_PROTOCOL: protocol }).broker_protocol, protocol)
  }
})

t.test('a bare % in a URL is a problem, not a crash', async (t) => {
  t.match(problems({ NEMO_MQTT_DATABASE_URL: 'postgres://u:100%@h/d' }), /DATABASE_URL: .*written as %25/)
  t.match(problems({ ...ENOUGH, NEMO_MQTT_REDIS_URL: 'redis://u:100%@h/1' }), /REDIS_URL: .*written as %25/)
})

t.test('Redis database 1 unless the URL names another', async (t) => {
  const at = (url: string): string => readSettings({ ...ENOUGH, NEMO_MQTT_REDIS_URL: url }).redis_url
  t.equal(at('redis://h:6379'), 'redis://h:6379/1')
  t.equal(at('redis://h:6379/'), 'redis://h:6379/1')
  t.equal(at('redis://h:6379/7'), 'redis://h:6379/7')
  t.equal(at('redis://h:6379/0'), 'redis://h:6379/0')
  t.equal(redisSettings({}).redis_url, 'redis://127.0.0.1:6379/1')
  t.throws(() => redisSettings({ NEMO_MQTT_REDIS_URL: 'x' }), { code: 'NEMO_MQTT_ERR_CONFIG' })
})

t.test('C86 line ends at the end of a secret file are no part of the secret', async (t) => {
  for (const [name, text] of [
    ['a', 'abc\n'],
    ['b', 'abc\r\n'],
    ['c', 'abc\n\n'],
    ['d', 'abc'],
  ] as const) {
    const path = file(name, text)
    const settings = readSettings({ ...ENOUGH, NEMO_MQTT_USE_HMAC: 'true', NEMO_MQTT_HMAC_SECRET_KEY_FILE: path })
    t.equal(settings.hmac_secret_key, 'abc', JSON.stringify(text))
  }
  const inside = readSettings({ ...ENOUGH, NEMO_MQTT_HMAC_SECRET_KEY_FILE: file('e', ' a\nb \n') })
  t.equal(inside.hmac_secret_key, ' a\nb ', 'spaces and inner lines stay')
})

t.test('every secret can be in a file, nothing else can', async (t) => {
  for (const name of SECRET_NAMES) {
    const variable = `NEMO_MQTT_${name.toUpperCase()}_FILE`
    const value = name.endsWith('url')
      ? name === 'redis_url'
        ? 'redis://h/3'
        : 'postgres://h/d'
      : 'a value that is long enough'
    const path = file(name, `${value}\n`)
    const environment = { ...(name === 'database_url' ? {} : ENOUGH), NEMO_MQTT_USERNAME: 'u', [variable]: path }
    t.equal(readSettings(environment)[name], value, name)
  }
  t.match(problems({ ...ENOUGH, NEMO_MQTT_BROKER_HOST_FILE: '/x' }), /BROKER_HOST_FILE: there is no such setting/)
  t.match(problems({ ...ENOUGH, NEMO_MQTT_PASSWORD: 'a', NEMO_MQTT_PASSWORD_FILE: '/x' }), /is set too; keep one/)
  t.match(problems({ ...ENOUGH, NEMO_MQTT_PASSWORD_FILE: join(folder, 'none') }), /PASSWORD_FILE: .*ENOENT.*none/)
  mkdirSync(join(folder, 'a-folder'))
  t.match(problems({ ...ENOUGH, NEMO_MQTT_PASSWORD_FILE: join(folder, 'a-folder') }), /PASSWORD_FILE: .*EISDIR/)
  if (process.getuid?.() !== 0) {
    const closed = file('closed', 'x')
    chmodSync(closed, 0)
    t.match(problems({ ...ENOUGH, NEMO_MQTT_PASSWORD_FILE: closed }), /PASSWORD_FILE: .*EACCES/)
  }
})

t.test('a credential of systemd is a secret too; the variable and its file say more', async (t) => {
  const credentials = join(folder, 'credentials')
  mkdirSync(credentials)
  writeFileSync(join(credentials, 'nemo_mqtt_password'), 'from systemd\n')
  writeFileSync(join(credentials, 'nemo_mqtt_database_url'), 'postgres://h/credential\n')
  const given = { CREDENTIALS_DIRECTORY: credentials, NEMO_MQTT_USERNAME: 'u' }
  t.match(readSettings(given), { password: 'from systemd', database_url: 'postgres://h/credential' })
  t.equal(databaseUrl(given), 'postgres://h/credential', 'commands find it as well')
  const path = file('password', 'from a file\n')
  t.equal(readSettings({ ...given, NEMO_MQTT_PASSWORD_FILE: path }).password, 'from a file')
  t.match(problems({ ...given, NEMO_MQTT_PASSWORD: 'plain' }), /PASSWORD is set too; keep one/)
})

t.test('no error shows a secret', async (t) => {
  const secret = 'hunter2-hunter2'
  const everywhere = problems({
    NEMO_MQTT_DATABASE_URL: `mysql://u:${secret}@h/d`,
    NEMO_MQTT_REDIS_URL: `http://u:${secret}@h/x`,
    NEMO_MQTT_PASSWORD: secret,
    NEMO_MQTT_HMAC_SECRET: secret,
    NEMO_MQTT_BROKER_PORT: 'x',
  })
  t.match(everywhere, /HMAC_SECRET: there is no such setting/)
  t.notMatch(everywhere, secret)
  const otherwise = problems({ ...ENOUGH, NEMO_MQTT_REDIS_URL: `redis://:${secret}@h/x`, NEMO_MQTT_PASSWORD: secret })
  t.match(otherwise, /USERNAME: is missing/)
  t.notMatch(otherwise, secret)
})

t.test('the secrets of the settings, those inside URLs decoded', async (t) => {
  const settings = readSettings({
    NEMO_MQTT_DATABASE_URL: 'postgres://u:p%40ss-word@h/d?password=in-query',
    NEMO_MQTT_REDIS_URL: 'redis://:redis%2Fpw@h/1',
    NEMO_MQTT_USERNAME: 'u',
    NEMO_MQTT_PASSWORD: 'mqtt-pw',
    NEMO_MQTT_HMAC_SECRET_KEY: 'key-key',
  })
  const plain = ['in-query', 'key-key', 'mqtt-pw', 'p@ss-word', 'redis/pw']
  t.strictSame(secretsOf(settings).sort(), [...plain, 'p%40ss-word', 'redis%2Fpw'].sort())
  const likeUrls = readSettings({
    ...ENOUGH,
    NEMO_MQTT_USERNAME: 'u',
    NEMO_MQTT_PASSWORD: 'is://this a URL?',
    NEMO_MQTT_HMAC_SECRET_KEY: 'https://u:p@h/',
  })
  t.strictSame(secretsOf(likeUrls).sort(), ['https://u:p@h/', 'is://this a URL?', 'pw'], 'a key is no URL')
})

t.test('C64 the prefix is cleaned, or refused with a reason', async (t) => {
  const at = (prefix: string): string => readSettings({ ...ENOUGH, NEMO_MQTT_TOPIC_PREFIX: prefix }).topic_prefix
  for (const given of ['nemo', 'nemo/', '/nemo', ' nemo ', '//nemo//', ' / nemo / ']) t.equal(at(given), 'nemo', given)
  t.equal(at('lab/west 1/Ångström'), 'lab/west 1/Ångström')
  const refused: ReadonlyArray<readonly [string, RegExp]> = [
    ['', /is empty/],
    ['/', /is empty/],
    ['  ', /is empty/],
    ['$SYS/x', /begins with \$/],
    ['/$SYS', /begins with \$/],
    ['lab/+/x', /wildcard/],
    ['lab/#', /wildcard/],
    ['a//b', /empty level/],
    ['a\tb', /control character/],
    ['a\u009fb', /control character/],
    ['a\ufffe', /no character/],
    ['x'.repeat(1_001), /longer than 1,000 bytes/],
  ]
  for (const [given, why] of refused) {
    t.match(problems({ ...ENOUGH, NEMO_MQTT_TOPIC_PREFIX: given }), why, JSON.stringify(given.slice(0, 10)))
  }
  t.match(cleanTopicPrefix('a\ud83d'), { problem: /control character/ })
})
