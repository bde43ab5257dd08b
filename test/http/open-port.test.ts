import { spawnSync } from 'node:child_process'
import t from 'tap'
import { readSettings } from '../../src/config/environment.ts'
import { isRight } from '../../src/http/access/password.ts'
import { CLI, runCli } from '../fixtures/service.ts'
import { openDoor } from './browser-like.ts'

const DATABASE = { NEMO_MQTT_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }
const read = (variables: Record<string, string>) => () => readSettings({ ...DATABASE, ...variables })

t.test('C120 the service does not start with a port that others reach and no question asked', async (t) => {
  for (const host of ['0.0.0.0', '::', '10.1.2.3', 'fd00::1']) {
    const environment = { ...DATABASE, NEMO_MQTT_HTTP_HOST: host }
    t.throws(read(environment), { message: /can be reached by others; set NEMO_MQTT_HTTP_ADMIN_PASSWORD/ }, host)
  }
  const { code, output } = await runCli(['run'], { ...DATABASE, NEMO_MQTT_HTTP_HOST: '0.0.0.0' })
  t.equal(code, 2)
  t.match(output, /NEMO_MQTT_HTTP_HOST: 0\.0\.0\.0 can be reached by others/)
  for (const host of ['127.0.0.1', '127.0.0.2', '::1', 'localhost'])
    t.doesNotThrow(read({ NEMO_MQTT_HTTP_HOST: host }), host)
  t.doesNotThrow(read({ NEMO_MQTT_HTTP_HOST: '0.0.0.0', NEMO_MQTT_HTTP_VIEWER_PASSWORD: 'long enough for us' }))
  t.doesNotThrow(read({ NEMO_MQTT_HTTP_HOST: '0.0.0.0', NEMO_MQTT_HTTP_PORT: '0' }), 'no port at all')
})

t.test('wrong settings of the port are named, and no password is', async (t) => {
  const wrong = {
    NEMO_MQTT_HTTP_HOST: 'nemo.example.org',
    NEMO_MQTT_HTTP_PUBLIC_URL: 'nemo.example.org/mqtt',
    NEMO_MQTT_HTTP_ADMIN_PASSWORD: 'hunter2',
    NEMO_MQTT_HTTP_VIEWER_PASSWORD: 'scrypt:hunter2:damaged',
    NEMO_MQTT_HTTP_TRUSTED_PROXIES: '127.0.0.1, proxy.example.org',
  }
  const { code, output } = await runCli(['run'], { ...DATABASE, ...wrong })
  t.equal(code, 2)
  for (const name of Object.keys(wrong)) t.match(output, new RegExp(`${name}: `), name)
  t.match(output, /"proxy\.example\.org" is no address/)
  t.match(output, /shorter than 12 characters/)
  t.notMatch(output, /hunter2/)
  t.throws(read({ NEMO_MQTT_HTTP_USER_HEADER: 'X-User' }), { message: /everybody could send this header/ })
  t.throws(read({ NEMO_MQTT_HTTP_USER_HEADER: 'X User', NEMO_MQTT_HTTP_TRUSTED_PROXIES: '::1' }), {
    message: /no name of a header/,
  })
})

t.test('nemo-mqtt password makes a hash that opens the door and is no password', async (t) => {
  const { stdout, status } = spawnSync(process.execPath, [CLI, 'password'], {
    input: 'correct horse battery\n',
    encoding: 'utf8',
  })
  t.equal(status, 0)
  const hash = stdout.trim()
  t.ok(await isRight('correct horse battery', hash))
  t.notOk(await isRight('correct horse batterz', hash))
  t.notMatch(hash, /\$|horse/, 'a shell that reads the file finds nothing to expand')
  const { login } = await openDoor(t, { http_admin_password: hash })
  t.not(await login('correct horse battery'), '')
  t.equal(await login(hash), '', 'who reads the hash cannot log in with it')
  const short = spawnSync(process.execPath, [CLI, 'password'], { input: 'short\n', encoding: 'utf8' })
  t.match(short, { status: 2, stderr: /shorter than 12/ })
})
