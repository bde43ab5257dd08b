import t from 'tap'
import { until } from '../../lab/wait.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { withRedis } from '../service/laboratory.ts'
import { accessibilityFaults, picture } from './browser.ts'
import { openPageRig, said } from './configuration-page.ts'

t.setTimeout(180_000)
const HTML = '<script>alert(1)</script><img src=x onerror=alert(2)>'

const rig = await openPageRig(t, async ({ broker }) => ({
  settings: { broker_host: '127.0.0.1', broker_port: broker.port },
}))

function parked(topic: string, payload: string, reason: string): string {
  const entry = JSON.stringify({ topic, payload, qos: 1, retain: false, timestamp: 1 })
  return JSON.stringify({ entry, reason, attempts: 3, time: '2025-11-25T10:00:00.000Z' })
}

async function put(...texts: string[]): Promise<void> {
  await withRedis(rig.servers.redis, async (client) => {
    await client.del(KEYS.parked)
    for (const text of texts) await client.lpush(KEYS.parked, text)
  })
}

async function count(): Promise<number> {
  return await withRedis(rig.servers.redis, (client) => client.llen(KEYS.parked))
}

t.test('parked messages: shown as text, tried again, deleted, one or all of a reason', async (t) => {
  await rig.service.says('broker', 'ok')
  const seen = await rig.laboratory.listen(t)
  await put(
    parked('nemo/one', '{"n": 1}', 'the broker refuses it: not authorized'),
    parked(HTML, HTML, HTML),
    parked('nemo/two', '{"n": 2}', 'the broker refuses it: packet too large'),
    parked('nemo/three', '{"n": 3}', 'the broker refuses it: packet too large'),
    'not of ours',
  )
  const page = await rig.asAdmin(t)
  const panel = page.locator('section[aria-labelledby=parked]')
  await panel.getByText('nemo/one').waitFor()
  t.equal(await panel.locator('.parked > li').count(), 5)
  const strange = panel.locator('.parked > li').nth(1)
  t.equal(await strange.locator('.topic').textContent(), HTML)
  await strange.locator('summary').click()
  await strange.locator('pre').waitFor()
  t.equal(await strange.locator('pre').textContent(), HTML)
  t.equal(await page.locator('main script, main img').count(), 0)
  t.equal(await panel.getByRole('button', { name: 'Retry message' }).nth(4).isDisabled(), true, 'no attempt would help')
  t.strictSame(await accessibilityFaults(page), [])
  await picture(page, 'configuration-parked')

  await panel.locator('li').filter({ hasText: 'nemo/one' }).getByRole('button', { name: 'Retry' }).click()
  await said(page, /1 message put back to the end of the queue/)
  await until(() => seen.messages.some(({ topic }) => topic === 'nemo/one'), { what: 'the message' })
  await panel.getByText('nemo/one').waitFor({ state: 'detached' })

  await panel.getByLabel('Only those whose reason holds').fill('TOO LARGE')
  await panel.getByRole('button', { name: 'Retry all 2' }).waitFor()
  await withRedis(rig.servers.redis, (client) =>
    client.lpush(KEYS.parked, parked('nemo/four', '{}', 'the broker refuses it: packet too large')),
  )
  await panel.getByRole('button', { name: 'Drop all 2' }).click()
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  t.equal(await count(), 5, 'nothing without a yes')
  await panel.getByRole('button', { name: 'Retry all 2' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Retry all' }).click()
  await said(page, /2 messages put back/)
  await until(() => seen.messages.some(({ topic }) => topic === 'nemo/three'), { what: 'the others' })
  t.ok(await count(), 'what came after the visitor has looked is still there')
  t.equal(seen.messages.filter(({ topic }) => topic === 'nemo/four').length, 0)
  await panel.getByRole('button', { name: 'Drop all 1' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Drop all' }).click()
  await said(page, /1 message deleted for good/)
  await panel.getByLabel('Only those whose reason holds').fill('')
  await panel.locator('li').filter({ hasText: '(unreadable)' }).getByRole('button', { name: 'Drop' }).click()
  await page.getByRole('dialog').getByText('Nobody will ever get it.').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Drop' }).click()
  await said(page, /1 message deleted for good/)
  // The same words stood there before: the list itself tells.
  await until(async () => (await count()) < 2, { what: 'the message to be gone' })
  t.equal(await count(), 1)
})

t.test('answers are bounded, whatever lies in the list', async (t) => {
  const long = 'x'.repeat(300_000)
  await put(...Array.from({ length: 300 }, (_, n) => parked(`nemo/${n}/${'t'.repeat(2_000)}`, long, 'r'.repeat(5_000))))
  const list = await rig.api('parked')
  const { total, lines } = JSON.parse(list.text) as { total: number; lines: Array<{ number: string }> }
  t.equal(total, 300)
  t.equal(lines.length, 100)
  t.ok(list.text.length < 200_000, `${list.text.length} characters`)
  const one = await rig.api(`parked/${lines[0]?.number}`)
  t.match(JSON.parse(one.text), { cut: 280_000 })
  t.ok(one.text.length < 30_000)
  const few = Array.from({ length: 470 }, (_, n) => parked(`nemo/${n}`, '{}', `${n % 3 === 0 ? 'keep' : 'drop'} it`))
  await put(...few, few[1] ?? '')
  const { upTo } = JSON.parse((await rig.api('parked?reason=drop')).text) as { upTo: string }
  const dropped = await rig.api('parked/drop', 'POST', { upTo, reason: 'drop' })
  t.match(dropped.text, /314 messages deleted/, 'part by part, and not one too many')
  const rest = JSON.parse((await rig.api('parked')).text) as { total: number; lines: Array<{ reason: string }> }
  t.equal(rest.total, 157)
  t.ok(rest.lines.every(({ reason }) => reason === 'keep it'))
  await put()
})

t.test('the environment fixes values; without a key secrets say so; Redis and PostgreSQL may be away', async (t) => {
  await rig.config.create('lab', ['broker_port=1'])
  const page = await rig.asAdmin(t)
  const port = page.locator('#setting-broker_port')
  await port.waitFor()
  t.equal(await port.isDisabled(), true)
  t.equal(await port.inputValue(), String(rig.servers.broker.port))
  t.match(
    await page.locator('.field', { has: port }).textContent(),
    /Fixed by NEMO_MQTT_BROKER_PORT .*what is stored here is without effect/,
  )
  t.match(await page.locator('.machine').textContent(), /NEMO_MQTT_HTTP_ADMIN_PASSWORDset/)
  await rig.servers.redis.freeze()
  const since = performance.now()
  const silent = await rig.api('parked')
  t.ok(performance.now() - since < 10_000, 'no hang')
  t.equal(silent.status, 503)
  t.match(silent.text, /Redis (cannot be used|did not answer)/)
  await page.reload()
  await page.locator('section[aria-labelledby=parked] .notice.failing').waitFor({ timeout: 15_000 })
  rig.servers.redis.thaw()

  rig.servers.postgres.freeze()
  const before = performance.now()
  const answers = await Promise.all([rig.api('configuration'), rig.api('configuration/named/lab/enable', 'POST', {})])
  t.ok(performance.now() - before < 10_000, 'no hang')
  for (const { status, text } of answers) {
    t.equal(status, 503)
    t.match(text, /PostgreSQL did not answer|cannot connect to database/)
  }
  rig.servers.postgres.thaw()
  await rig.servers.postgres.kill()
  await page.reload()
  await page.getByRole('alert').filter({ hasText: 'cannot connect to database' }).waitFor()
  t.strictSame(await accessibilityFaults(page), [])
})
