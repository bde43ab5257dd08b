import t from 'tap'
import { until } from '../../lab/wait.ts'
import { accessibilityFaults, picture } from './browser.ts'
import { field, openPageRig, said } from './configuration-page.ts'

t.setTimeout(120_000)

t.test('the preview shows what the form would make of the last messages, and sends nothing', async (t) => {
  const rig = await openPageRig(t, async ({ broker }) => ({
    settings: { broker_host: '127.0.0.1', broker_port: broker.port },
  }))
  await rig.config.create('lab')
  const page = await rig.asAdmin(t)
  const panel = page.locator('section[aria-labelledby=preview]')
  await panel.getByRole('button', { name: 'Show preview' }).click()
  await panel.getByText('nothing was delivered lately; these are samples').waitFor()
  await panel.getByText('nemo/tools/5/start', { exact: true }).waitFor()

  await rig.service.says('broker', 'ok')
  const seen = await rig.laboratory.listen(t)
  await rig.servers.sql(`update "NEMO_tool" set name = '<b>bold</b>' where id = 1;
    update "NEMO_tool" set operational = not operational where id = 1`)
  await until(() => seen.messages.some(({ topic }) => /nemo\/tools\/1\/(en|dis)abled/.test(topic)), {
    what: 'two events',
  })
  await field(page, 'event_filter').fill('*,\n!tool_updated')
  await field(page, 'topic_template').fill('{prefix}/new/{kind}/{id}/{event}')
  await until(
    async () => {
      await panel.getByRole('button', { name: 'Show preview' }).click()
      return (await panel.getByText('1 of 2 are sent.').count()) === 1
    },
    { what: 'both in the list of what was delivered', everyMs: 200 },
  )
  t.match(await panel.locator('.preview > li').first().textContent(), /^left out nemo\/tools\/1.*tool_updated/)
  t.match(
    await panel.locator('.preview > li').nth(1).textContent(),
    /^sent nemo\/tools\/1\/\w+ → nemo\/new\/tools?\/1\/tool_(en|dis)abled/,
  )
  await panel.locator('summary').click()
  t.match(await panel.locator('pre').textContent(), '"tool_name":"<b>bold</b>"')
  t.equal(seen.messages.filter(({ topic }) => topic.includes('/new/')).length, 0)
  t.strictSame(await accessibilityFaults(page), [])
  await picture(page, 'configuration-preview')

  await field(page, 'topic_template').fill('{prefix}/{nonsense}')
  await panel.getByRole('button', { name: 'Show preview' }).click()
  await page.locator('#setting-topic_template-wrong').filter({ hasText: 'nonsense' }).waitFor()
  await field(page, 'topic_template').fill('')
  await page.getByRole('button', { name: 'Save' }).click()
  await said(page, /"lab" is saved/)
  t.match(await rig.servers.sql('select settings from nemo_mqtt.configuration'), [
    { settings: { event_filter: '*,\n!tool_updated' } },
  ])
})
