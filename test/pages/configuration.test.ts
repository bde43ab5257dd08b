import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { stateOf } from '../service/configured.ts'
import { accessibilityFaults, picture } from './browser.ts'
import { field, openPageRig, said } from './configuration-page.ts'

t.setTimeout(180_000)
const rig = await openPageRig(t)
const { port } = rig.servers.broker

t.test('from nothing to a configuration in force, and what is changed there applies', async (t) => {
  const page = await rig.asAdmin(t)
  await page.getByText('the environment of the service alone counts').waitFor()
  t.equal(await page.getByText('No messages are parked.').count(), 1)
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('lab')
  await page.keyboard.press('Enter')
  await said(page, /"lab" is created, empty.*It is not enabled/s)
  await page.getByRole('heading', { name: 'lab', exact: true }).waitFor()
  t.equal(await field(page, 'broker_port').getAttribute('placeholder'), '1883', 'the default is where a value would be')
  t.equal(await field(page, 'broker_port').inputValue(), '')
  await field(page, 'broker_host').fill('127.0.0.1')
  await field(page, 'broker_port').fill(String(port))
  await page.getByText('2 unsaved changes').waitFor()
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /"lab" is saved/)
  t.ok(await page.getByRole('status').evaluate((one) => one === one.ownerDocument.activeElement), 'it has the focus')
  await page.getByRole('button', { name: 'Enable' }).click()
  await page.getByText('So far the environment alone counts').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click()
  await said(page, /"lab" is enabled: in force within 2 s/)
  const seen = await rig.laboratory.listen(t)
  await until(() => stateOf(seen)?.includes('online'), { what: 'the bridge at this broker', deadlineMs: 15_000 })

  await field(page, 'topic_prefix').fill('west/wing')
  await page.keyboard.press('Enter')
  await said(page, /in force within 2 s/)
  await until(() => stateOf(seen, 'west/wing')?.includes('online'), { what: 'the new prefix on the wire' })
  await rig.servers.sql(`update "NEMO_tool" set operational = not operational where id = 1`)
  await until(() => seen.messages.some(({ topic }) => topic.startsWith('west/wing/tools/1/')), {
    what: 'an event below the new prefix',
  })

  const other = await startBroker()
  t.teardown(() => other.kill())
  const elsewhere = await startSubscriber({ url: other.url, topics: ['#'] })
  t.teardown(() => elsewhere.stop())
  await field(page, 'broker_port').fill(String(other.port))
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /in force within 2 s/)
  await until(() => stateOf(elsewhere, 'west/wing')?.includes('online'), { what: 'the bridge at the other broker' })
  await field(page, 'broker_port').fill(String(port))
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('1 unsaved change').waitFor({ state: 'detached' })
})

t.test('what is wrong stands at its field, all of it; the enabled one stays usable', async (t) => {
  const page = await rig.asAdmin(t)
  await field(page, 'broker_port').fill('70000')
  await field(page, 'keepalive').fill('often')
  await field(page, 'topic_prefix').fill('a/#')
  await field(page, 'topic_prefix').blur()
  await page.locator('#setting-topic_prefix-wrong').waitFor()
  for (const [name, words] of [
    ['broker_port', /70000.* must be <= 65535/],
    ['keepalive', /"often" must be integer/],
    ['topic_prefix', /holds a wildcard/],
  ] as const) {
    t.match(await page.locator(`#setting-${name}-wrong`).textContent(), words, name)
    t.equal(await field(page, name).getAttribute('aria-invalid'), 'true')
  }
  await page.getByLabel('Use HMAC').check()
  await page.locator('#setting-hmac_secret_key-wrong').filter({ hasText: 'is missing although use_hmac' }).waitFor()
  await picture(page, 'configuration-problems')
  const before = await rig.servers.sql('select settings from nemo_mqtt.configuration')
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /Nothing was saved.*4 problems/s)
  t.ok(
    await field(page, 'broker_port').evaluate((one) => one === one.ownerDocument.activeElement),
    'the first wrong field has the focus',
  )
  t.strictSame(await rig.servers.sql('select settings from nemo_mqtt.configuration'), before)
  t.strictSame(await accessibilityFaults(page), [])
  await page.getByRole('button', { name: 'Discard' }).click()
  await said(page, /dropped/)
  t.equal(await page.locator('main [aria-invalid=true]').count(), 0)
})

t.test('several configurations: a copy, leaving with changes, enabling, deleting', async (t) => {
  const page = await rig.asAdmin(t)
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('<script>alert(1)</script>')
  await page.getByRole('button', { name: 'Create' }).click()
  await said(page, /"<script>alert\(1\)<\/script>" cannot be the name of a configuration/)
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('My copy 1.0')
  await page.getByLabel('Begin with').selectOption('lab')
  await page.getByRole('button', { name: 'Create' }).click()
  await said(page, /"My copy 1.0" is created as a copy of "lab"/)
  await page.getByRole('heading', { name: 'My copy 1.0' }).waitFor()
  t.equal(await field(page, 'broker_port').inputValue(), String(port))

  await field(page, 'keepalive').fill('7')
  await page.getByRole('link', { name: 'lab' }).click()
  await page.getByRole('dialog').getByText('is not saved').waitFor()
  await page.keyboard.press('Escape')
  t.equal(await field(page, 'keepalive').inputValue(), '7', 'still here')
  t.ok(page.url().endsWith('#/My%20copy%201.0'))
  let wasAsked = false
  page.once('dialog', (dialog) => {
    wasAsked = true
    void dialog.accept()
  })
  await page.reload()
  t.ok(wasAsked, 'the browser asks too')
  await page.getByRole('heading', { name: 'My copy 1.0' }).waitFor()
  t.equal(await field(page, 'keepalive').inputValue(), '')

  await field(page, 'keepalive').fill('0')
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /is saved.*It is not enabled, and cannot be yet: one problem/s)
  t.match(await page.locator('#setting-keepalive-wrong').textContent(), /must be >= 1/)
  await page.getByRole('button', { name: 'Enable' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click()
  await said(page, /"My copy 1.0" is not enabled/)
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await said(page, /is deleted; the history can bring it back/)

  await page.getByRole('heading', { name: 'lab', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Delete' }).click()
  const question = page.getByRole('dialog')
  t.equal(await question.getByRole('button', { name: 'Delete' }).isEnabled(), false)
  await question.getByLabel('Type lab to go on').fill('lab')
  await question.getByRole('button', { name: 'Delete' }).click()
  await said(page, /This service is paused now, because no configuration is enabled/)
  await page.locator('.notice.failing').filter({ hasText: 'no configuration is enabled, so nothing is sent' }).waitFor()
  await rig.service.says('configuration', 'failing')

  await page.locator('.history li').filter({ hasText: 'lab' }).filter({ hasText: 'deleted' }).first().waitFor()
  await page
    .locator('.history > li')
    .filter({ hasText: 'deleted, disabled' })
    .getByRole('button', { name: /Undo/ })
    .click()
  await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click()
  await said(page, /of "lab" is taken back/)
  await page.getByRole('link', { name: 'lab' }).click()
  await page.getByRole('button', { name: 'Enable' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click()
  await said(page, /"lab" is enabled/)
  await page.locator('.notice.failing').waitFor({ state: 'detached' })
})

t.test('the history tells who did what, before and after; undo restores', async (t) => {
  const page = await rig.asAdmin(t)
  await field(page, 'keepalive').fill('9')
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /saved/)
  const line = page.locator('.history > li').first()
  await line.filter({ hasText: 'keepalive default → 9' }).waitFor()
  t.equal(await line.locator('.who').textContent(), 'admin')
  await line.getByRole('button', { name: /Undo/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click()
  await said(page, /is taken back/)
  await page.waitForFunction(`document.querySelector('#setting-keepalive').value === ''`)
  const enabling = page.locator('.history > li').filter({ hasText: 'lab enabled' }).first()
  await enabling.getByRole('button', { name: /Undo/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click()
  await said(page, /only enabled or disabled "lab"/)
  await rig.servers.sql(`select set_config('nemo_mqtt.who', '<script>alert(2)</script>', false);
    update nemo_mqtt.configuration set settings = settings || '{"<b>x</b>": "<img src=x>"}' where name = 'lab'`)
  await page.reload()
  await page.locator('.history .who').filter({ hasText: '<script>alert(2)</script>' }).waitFor()
  await page.getByRole('button', { name: 'Take out' }).click()
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /in force within 2 s/)
  t.equal(await page.locator('main script, main img').count(), 0)
})

t.test('who saves over what another has changed is told what differs, and loses nothing', async (t) => {
  const [one, two] = [await rig.asAdmin(t), await rig.asAdmin(t)]
  await field(one, 'keepalive').fill('11')
  await field(two, 'keepalive').fill('12')
  await field(two, 'reconnect_delay').fill('33')
  await one.getByRole('button', { name: 'Save' }).click()
  await said(one, /saved/)
  await two.getByRole('button', { name: 'Save' }).click()
  const notice = two.locator('#conflict')
  await notice.filter({ hasText: 'keepalive default → 11' }).waitFor()
  t.match(await notice.textContent(), /Nothing was saved: admin/)
  await picture(two, 'configuration-conflict')
  t.match(await rig.servers.sql(`select settings from nemo_mqtt.configuration where name = 'lab'`), [
    { settings: { keepalive: 11, reconnect_delay: undefined } },
  ])
  await two.getByRole('button', { name: 'keep my changes on top' }).click()
  await said(two, /not saved yet/)
  t.equal(await field(two, 'keepalive').inputValue(), '12')
  await two.getByRole('button', { name: 'Save' }).click()
  await said(two, /in force within 2 s/)
  t.match(await rig.servers.sql(`select settings from nemo_mqtt.configuration where name = 'lab'`), [
    { settings: { keepalive: 12, reconnect_delay: 33 } },
  ])
})

t.test('light, dark and narrow; all of it usable by keyboard', async (t) => {
  for (const [name, options] of [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['narrow', { viewport: { width: 390, height: 844 } }],
    ['narrow-dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
  ] as const) {
    const page = await rig.asAdmin(t, options)
    await page.getByRole('heading', { name: 'lab', exact: true }).waitFor()
    await page.locator('.history > li').first().waitFor()
    t.strictSame(await accessibilityFaults(page), [], name)
    t.equal(
      await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth'),
      false,
      `${name}: nothing sticks out`,
    )
    await picture(page, `configuration-${name}`)
    await field(page, 'keepalive').fill('3')
    await field(page, 'keepalive').press('Enter')
    await said(page, /in force within 2 s/)
    await field(page, 'keepalive').fill('12')
    await field(page, 'keepalive').press('Enter')
    await page.getByText('1 unsaved change').waitFor({ state: 'detached' })
  }
})
