import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { temporaryFolder } from '../../lab/folder.ts'
import { requirePrograms } from '../../lab/install.ts'
import { freePort } from '../../lab/port.ts'
import { until } from '../../lab/wait.ts'
import { accessibilityFaults, picture } from './browser.ts'
import { ADMIN_PASSWORD, field, openPageRig, said } from './configuration-page.ts'

t.setTimeout(180_000)

/** With characters that take another form in URLs and JSON. */
const SECRETS = {
  database: 'pg/Secret 1+"x"',
  redis: 'redis$Secret%2',
  config: 'config-key-Secret-6-long',
  password: 'mqtt"Secret\\3',
  other: 'other&Secret=4',
  hmac: 'hmac Secret ö5',
  passphrase: 'pass "phrase" Secret 7',
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const json = JSON.stringify(secret).slice(1, -1)
  const twice = JSON.stringify(json).slice(1, -1)
  return [secret, json, twice, encodeURIComponent(secret), bytes.toString('hex'), bytes.toString('base64url')]
}

function withPassword(url: string, user: string, password: string): string {
  const changed = new URL(url)
  changed.username = user
  changed.password = encodeURIComponent(password)
  return changed.href
}

const [passwd = ''] = requirePrograms(['mosquitto_passwd'])
const passwords = join(temporaryFolder('page'), 'passwords')
writeFileSync(passwords, '')
execFileSync(passwd, ['-b', passwords, 'lab', SECRETS.password], { stdio: 'pipe' })
execFileSync('chmod', ['644', passwords])
const locked = await startBroker({ configuration: [`password_file ${passwords}`, 'allow_anonymous false'] })
t.teardown(() => locked.kill())

const rig = await openPageRig(t, async ({ redis, serviceUrl }) => {
  await redis.command(`ACL SETUSER lab on >${SECRETS.redis} ~* +@all`)
  return {
    databaseUrl: withPassword(serviceUrl, new URL(serviceUrl).username, SECRETS.database),
    redisUrl: withPassword(redis.url, 'lab', SECRETS.redis),
    settings: { config_key: SECRETS.config },
  }
})
const config = rig.config.with({ ...rig.config.variables, NEMO_MQTT_CONFIG_KEY: SECRETS.config })

async function stored(): Promise<Record<string, unknown>> {
  const [row] = await rig.servers.sql(`select settings from nemo_mqtt.configuration where name = 'lab'`)
  return row?.settings as Record<string, unknown>
}

t.test('C119 secrets go in and never come out; the untouched form keeps them, clearing is an act', async (t) => {
  await config.create('lab', ['broker_host=127.0.0.1', `broker_port=${locked.port}`, 'username=lab'])
  const page = await rig.asAdmin(t)
  t.equal(await page.locator('.secret .state').first().textContent(), 'not set')
  await field(page, 'password').fill(SECRETS.other)
  await field(page, 'hmac_secret_key').fill(SECRETS.hmac)
  await field(page, 'tls_key_passphrase').fill(SECRETS.passphrase)
  await page.getByLabel('Use HMAC').check()

  // Tried before it is saved, wrong and right.
  await page.getByRole('button', { name: 'Test connection' }).click()
  await page.getByText('Fails at: Login.').waitFor()
  await field(page, 'password').fill(SECRETS.password)
  await page.getByRole('button', { name: 'Test connection' }).click()
  await page.getByText(/Works, in \d+ ms/).waitFor()
  t.match(await page.locator('.layers').textContent(), /Signature.*came back with the right signature/)
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /"lab" is saved.*It is not enabled/s)
  const first = await stored()
  t.match(first.password, { sealed: /^v1:/ })
  t.equal(await field(page, 'password').inputValue(), '')
  t.equal(await field(page, 'password').getAttribute('placeholder'), 'unchanged')
  await page.locator('.history').getByText('hmac_secret_key set').waitFor()

  await page.getByRole('button', { name: 'Test connection' }).click()
  await page.getByText(/Works, in \d+ ms/).waitFor()
  await picture(page, 'configuration-test')
  t.strictSame(await accessibilityFaults(page), [])
  await field(page, 'keepalive').fill('7')
  await field(page, 'password').fill('x')
  await field(page, 'password').fill('')
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /saved/)
  await page.getByText('1 unsaved change').waitFor({ state: 'detached' })
  const second = await stored()
  t.strictSame(second, { ...first, keepalive: 7 }, 'what was not touched is as it was')

  await page.getByRole('button', { name: 'Enable' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click()
  await said(page, /"lab" is enabled/)
  await rig.service.says('broker', 'ok')
  await page.getByRole('button', { name: 'Clear HMAC secret key' }).click()
  await page.locator('#setting-hmac_secret_key-wrong').filter({ hasText: 'is missing' }).waitFor()
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /Nothing was saved/)
  t.strictSame(await stored(), second)
  await page.getByLabel('Use HMAC').uncheck()
  await page.getByRole('button', { name: 'Clear TLS key passphrase' }).click()
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /in force within 2 s/)
  t.strictSame(Object.keys(await stored()).sort(), ['broker_host', 'broker_port', 'keepalive', 'password', 'username'])
  await page.getByText('hmac_secret_key unset').first().waitFor()

  // What lies in the database without encryption, or under a wrong name, is not shown either.
  await rig.servers.sql(`update nemo_mqtt.configuration
    set settings = settings || '{"hmac_secret_key": "hmac Secret ö5", "pasword": "other&Secret=4"}'`)
  await page.reload()
  await page.locator('#setting-hmac_secret_key-wrong').filter({ hasText: 'stored without encryption' }).waitFor()
  for (const [path, method, body] of [
    ['configuration', 'GET', undefined],
    ['configuration/named/lab', 'GET', undefined],
    ['configuration/history', 'GET', undefined],
    ['configuration/named/lab/enable', 'POST', {}],
    ['configuration/check', 'POST', { name: 'lab', set: { password: SECRETS.other, keepalive: 'x', pasword: 'x' } }],
    ['configuration/test', 'POST', { name: 'lab', set: { hmac_secret_key: SECRETS.hmac }, unset: ['pasword'] }],
    ['configuration/named/lab', 'PUT', { revision: '1', set: { password: SECRETS.other } }],
    ['configuration/history/999999/undo', 'POST', {}],
    ['parked', 'GET', undefined],
  ] as const) {
    const { text } = await rig.api(path, method, body)
    t.ok(text.length > 2, path)
    ;(rig.answers as Array<readonly [string, string]>).push([`${method} ${path}`, text])
  }
  t.ok(rig.answers.length > 30, `${rig.answers.length} answers`)
  const leaks = Object.entries({ ...SECRETS, admin: ADMIN_PASSWORD }).flatMap(([name, secret]) =>
    formsOf(secret).flatMap((form) =>
      [...rig.answers, ['log', rig.service.output] as const]
        .filter(([, text]) => text.includes(form))
        .map(([where]) => `${name} in ${where}`),
    ),
  )
  t.strictSame(leaks, [])
  t.notMatch(JSON.stringify(rig.answers), /v1:[A-Za-z0-9+/]{20}/, 'not even sealed')
  await rig.servers.sql(`update nemo_mqtt.configuration set settings = settings - 'hmac_secret_key' - 'pasword'`)
})

t.test('a connection test names the layer, does not disturb anybody, and is not for crowds', async (t) => {
  const page = await rig.asAdmin(t)
  await field(page, 'broker_port').fill(String(await freePort()))
  await page.getByRole('button', { name: 'Test connection' }).click()
  await page.getByText('Fails at: Port.').waitFor()
  t.match(await page.locator('.layers').textContent(), /refuses connections.*Try: start the broker.*not reached/s)
  await field(page, 'broker_host').fill('a b')
  await page.getByRole('button', { name: 'Test connection' }).click()
  await page.locator('#setting-broker_host-wrong').filter({ hasText: 'is a name or an address alone' }).waitFor()
  await picture(page, 'configuration-test-fails')
  const draft = { name: 'lab', set: {}, unset: [] }
  // One that accepts and says nothing, so that the first test is certainly still under way.
  const silent = createServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const { port } = silent.address() as AddressInfo
  const slow = { ...draft, set: { broker_host: '127.0.0.1', broker_port: port } }
  const both = await Promise.all([1, 2].map(() => rig.api('configuration/test', 'POST', slow)))
  t.strictSame(both.map(({ status }) => status).sort(), [200, 429])
  const many = await until(
    async () => {
      const { status, text } = await rig.api('configuration/test', 'POST', draft)
      return status === 429 && text
    },
    { what: 'a refusal', everyMs: 1 },
  )
  t.match(many, /12 tests a minute are enough: wait \d+ s/)
})
