import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { runCli } from '../fixtures/service.ts'

const DATABASE = 'postgres://nemo:hunter2-database@127.0.0.1:1/nemo'

t.test('wrong and missing settings: all of them at once, what to do, exit code 2, no stack, no secret', async (t) => {
  const key = join(temporaryFolder('settings'), 'key')
  writeFileSync(key, '\n')
  const cases: ReadonlyArray<readonly [string, NodeJS.ProcessEnv, readonly RegExp[]]> = [
    ['nothing at all', {}, [/NEMO_MQTT_DATABASE_URL: is missing/]],
    [
      'many at once',
      {
        NEMO_MQTT_DATABASE_URL: DATABASE,
        NEMO_MQTT_BROKER_PORT: '0',
        NEMO_MQTT_TOPIC: 'lab',
        NEMO_MQTT_LOG_LEVEL: 'loud',
        NEMO_MQTT_PASSWORD_FILE: '/no/such/file',
      },
      [/BROKER_PORT: "0"/, /TOPIC: there is no such setting/, /LOG_LEVEL: "loud"/, /PASSWORD_FILE: .*ENOENT/],
    ],
    [
      'what does not go together',
      {
        NEMO_MQTT_DATABASE_URL: DATABASE.replace('postgres:', 'mysql:'),
        NEMO_MQTT_REDIS_URL: 'redis://:hunter2-redis@h/many',
        NEMO_MQTT_USE_HMAC: 'true',
        NEMO_MQTT_HMAC_SECRET_KEY_FILE: key,
        NEMO_MQTT_PASSWORD: 'hunter2-broker',
        NEMO_MQTT_TOPIC_PREFIX: 'lab/+/x',
        NEMO_MQTT_BROKER_HOST: 'mqtt://u:hunter2-host@h',
      },
      [
        /DATABASE_URL: is not of the form/,
        /REDIS_URL: the part after the port/,
        /HMAC_SECRET_KEY: is missing/,
        /USERNAME: is missing/,
        /TOPIC_PREFIX: "lab\/\+\/x" holds a wildcard/,
        /BROKER_HOST: is a name or an address alone/,
      ],
    ],
  ]
  for (const [what, environment, problems] of cases) {
    const { code, output, stdout } = await runCli(['run'], environment)
    t.equal(code, 2, what)
    t.equal(stdout, '', 'nothing where the log goes')
    for (const problem of problems) t.match(output, problem)
    t.match(output, /^nemo-mqtt: NEMO_MQTT_ERR_CONFIG: [\s\S]*\n {2}Try: correct the environment variables/)
    t.notMatch(output, /hunter2|\n {4}at /, 'no secret, no stack')
  }
})

t.test('C117 a command from an empty folder without any setting says what it needs', async (t) => {
  for (const command of ['run', 'migrate', 'status', 'uninstall']) {
    const { code, output } = await runCli([command], {})
    t.equal(code, 2, command)
    t.match(output, /NEMO_MQTT_DATABASE_URL/)
    t.notMatch(output, /\n {4}at /)
  }
})
