import t from 'tap'
import { KEYS } from '../../src/queue/keys.ts'
import { withRedis } from '../service/laboratory.ts'
import { picture } from './browser.ts'
import { openMonitorLab, rowsWith } from './monitor-lab.ts'

t.setTimeout(180_000)

const MARKUP = `<img src=x onerror="document.title='broken into'">`
const SCRIPT = `</script><script>document.title='broken into'</script>`
const EVERY_CONTROL = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join('')
const TURNED = '\u202egnp.exe\u2066\u200b\u007f\u0085'

t.test('C118 whatever is in a message is text: in the list, in the details, in what went wrong', async (t) => {
  const { laboratory, open } = await openMonitorLab(t)
  const { redis, sql } = laboratory
  const page = await open()
  await page.getByLabel('Parked').check()
  const push = (topic: string, payload: string): Promise<unknown> =>
    withRedis(redis, (client) => client.lpush(KEYS.queue, JSON.stringify({ topic, payload })))

  await t.test('in a payload and a topic of another program', async (t) => {
    await push(
      `nemo/'"><b>quotes</b>`,
      JSON.stringify({ event: MARKUP, event_id: SCRIPT, link: 'javascript:alert(1)' }),
    )
    const row = rowsWith(page, 'quotes').filter({ hasText: 'MQTT' })
    await row.click()
    await page.locator('.details .json').filter({ hasText: 'javascript:alert(1)' }).waitFor()
    t.equal(await page.locator('.details .topic').textContent(), `nemo/'"><b>quotes</b>`)
    await page.locator('.facts dd').filter({ hasText: MARKUP }).waitFor()
    await page.locator('.facts dd').filter({ hasText: SCRIPT }).waitFor()
    await picture(page, 'monitor-script')
  })

  await t.test('in a name that somebody wrote into NEMO, with the values of the row', async (t) => {
    await sql(`update "NEMO_tool" set name = $x$${MARKUP}$x$ where id = 2`)
    await rowsWith(page, 'nemo/tools/2').filter({ hasText: 'MQTT' }).click()
    await page
      .locator('.columns td')
      .filter({ hasText: JSON.stringify(MARKUP) })
      .waitFor()
    await sql(`update "NEMO_tool" set name = $x$${SCRIPT}$x$ where id = 1`)
    await rowsWith(page, 'nemo/tools/1').filter({ hasText: 'MQTT' }).click()
    await page.locator('.columns td').filter({ hasText: SCRIPT }).waitFor()
    t.equal(await page.locator('main img, main script').count(), 0)
  })

  await t.test('in the reason of a parked message', async () => {
    await push(`nemo/${MARKUP}/#`, SCRIPT)
    await rowsWith(page, `nemo/${MARKUP}/#`).filter({ hasText: 'Parked' }).click()
    await page.locator('.details .notice.failing').waitFor()
  })

  await t.test('characters that cannot be seen are written out', async (t) => {
    await push('nemo/control', EVERY_CONTROL + TURNED)
    await rowsWith(page, 'nemo/control').filter({ hasText: 'MQTT' }).click()
    const shown = (await page.locator('.details .json').textContent()) ?? ''
    t.match(shown, /^\\u0000\\u0001/)
    t.match(shown, /\\u202egnp\.exe\\u2066\\u200b\\u007f\\u0085$/)
    await picture(page, 'monitor-control-characters')
  })

  await t.test('one of 1 MB is shown by its beginning, and whole on demand', async (t) => {
    const payload = `${MARKUP}${'x'.repeat(1_048_576)}the end`
    await push('nemo/large', payload)
    await rowsWith(page, 'nemo/large').filter({ hasText: 'MQTT' }).click()
    await page
      .locator('.details .notice')
      .filter({ hasText: `The first 4,096 of ${payload.length.toLocaleString('en')} characters` })
      .waitFor()
    await page.getByRole('button', { name: 'Load all of it' }).click()
    await page.locator('.details .json').filter({ hasText: 'the end' }).waitFor()
    t.equal(await page.locator('.details .json').textContent(), payload)
  })

  t.equal(await page.title(), 'Monitor · NEMO MQTT', 'no script has run')
  t.equal(await page.locator('main img, main script').count(), 0)
})
