import t from 'tap'
import { KEYS } from '../../src/queue/keys.ts'
import { withRedis } from '../service/laboratory.ts'
import { accessibilityFaults, picture } from './browser.ts'
import { openPageRig } from './configuration-page.ts'

t.setTimeout(120_000)

t.test('who only looks sees everything, can press nothing, and is told how to become one who may', async (t) => {
  const rig = await openPageRig(t, async () => ({ settings: { config_key: '' } }))
  const keyed = rig.config
  await keyed.create('lab', ['keepalive=5', 'username=u'])
  await keyed.set('lab', ['password=-'], 'a stored secret')
  await keyed.create('other')
  const entry = JSON.stringify({ topic: 'nemo/x', payload: '{}', qos: 1, retain: false })
  const text = JSON.stringify({ entry, reason: 'because', attempts: 1, time: '2025-11-25T10:00:00.000Z' })
  await withRedis(rig.servers.redis, (client) => client.lpush(KEYS.parked, text))

  const page = await rig.browser.open(rig.url)
  await page.getByText('You may look. To change things, log in at').waitFor()
  await page.getByText('nemo/x').waitFor()
  await page.locator('#setting-keepalive').waitFor()
  t.equal(await page.locator('#setting-keepalive').inputValue(), '5')
  t.strictSame(await page.locator('main button:enabled').allTextContents(), [])
  t.equal(await page.locator('.editor :is(input, select):enabled').count(), 0)
  await page.locator('#setting-password-wrong').filter({ hasText: 'NEMO_MQTT_CONFIG_KEY is not set' }).waitFor()
  t.match(await page.locator('.field', { has: page.locator('#setting-password') }).textContent(), /openssl rand/)
  await page.getByRole('link', { name: 'other' }).click()
  await page.getByRole('heading', { name: 'other', exact: true }).waitFor()
  t.strictSame(await accessibilityFaults(page), [])
  await picture(page, 'configuration-viewer')
  for (const [path, method] of [
    ['configuration', 'POST'],
    ['configuration/named/lab', 'PUT'],
    ['configuration/named/lab', 'DELETE'],
    ['configuration/named/lab/enable', 'POST'],
    ['configuration/check', 'POST'],
    ['configuration/test', 'POST'],
    ['configuration/history/1/undo', 'POST'],
    ['parked/retry', 'POST'],
    ['parked/drop', 'POST'],
  ] as const) {
    const status = await page.evaluate(
      `fetch('/mqtt/api/${path}', { method: '${method}', body: '{}' }).then((answer) => answer.status)`,
    )
    t.equal(status, 403, `${method} ${path}`)
  }
  t.equal((await rig.servers.sql('select from nemo_mqtt.configuration')).length, 2)
  await page.getByRole('link', { name: '/mqtt/login' }).click()
  t.match(page.url(), /login\?next=%2Fcustomization%2Fmqtt%2F$/)

  // Without a key an admin can store no secret, and is told why.
  const refused = await rig.api('configuration/check', 'POST', { name: 'other', set: { password: 'p', username: 'u' } })
  t.match(JSON.parse(refused.text), {
    problems: [{ name: 'password', problem: /only encrypted, and NEMO_MQTT_CONFIG_KEY is not set/ }],
  })
})

t.test('requests that are no requests of ours are refused with a reason', async (t) => {
  const rig = await openPageRig(t)
  await rig.config.create('lab')
  for (const [path, method, body, status, words] of [
    ['configuration/named/none', 'GET', undefined, 409, /no configuration \\"none\\"/],
    ['configuration/named/lab', 'PUT', { set: {} }, 400, /no number of a change/],
    ['configuration/named/lab', 'PUT', { revision: '1', set: [] }, 400, /set: is no object/],
    ['configuration/named/lab', 'PUT', { revision: '1', set: { keepalive: null } }, 400, /no text, number or truth/],
    ['configuration/named/lab', 'PUT', { revision: '1', unset: [1] }, 400, /unset: is no list/],
    ['configuration/named/lab', 'PUT', { revision: '9', set: { keepalvie: '1' } }, 422, /do you mean keepalive/],
    ['configuration/named/lab', 'PUT', { revision: '9', set: { http_port: '1' } }, 422, /from the environment only/],
    ['configuration/history/x/undo', 'POST', {}, 400, /no number of a change/],
    ['configuration', 'POST', [], 400, /no JSON object/],
    ['configuration', 'POST', { name: 7 }, 400, /name: is no text/],
    ['configuration', 'POST', { name: 'lab' }, 409, /already/],
    ['parked/0123456789', 'GET', undefined, 409, /no message with number/],
    ['parked/drop', 'POST', {}, 400, /number or upTo: is missing/],
    ['parked/drop', 'POST', { upTo: '0123456789' }, 409, /has changed since it was shown/],
    ['configuration/nothing', 'GET', undefined, 404, /nothing here/],
  ] as const) {
    const answer = await rig.api(path, method, body)
    t.equal(answer.status, status, `${method} ${path}: ${answer.text}`)
    t.match(answer.text, words)
  }
  t.strictSame(await rig.servers.sql('select name, settings from nemo_mqtt.configuration'), [
    { name: 'lab', settings: {} },
  ])
})
