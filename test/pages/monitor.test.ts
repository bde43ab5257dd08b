import { readFileSync } from 'node:fs'
import t from 'tap'
import { until } from '../../lab/wait.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { withRedis } from '../service/laboratory.ts'
import { accessibilityFaults, picture } from './browser.ts'
import { openMonitorLab, rowsWith } from './monitor-lab.ts'

t.setTimeout(240_000)

t.test(
  'a message is followed from the change in NEMO to the answer of the broker, and every control works',
  async (t) => {
    const { laboratory, open } = await openMonitorLab(t, {
      settings: { use_hmac: true, hmac_secret_key: 'a key for the test' },
    })
    const { sql, subscriber, redis } = laboratory
    const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] })
    await page.locator('.empty').waitFor()
    await page.locator('.box').first().waitFor()
    await picture(page, 'monitor-empty')

    await sql(`update "NEMO_tool" set operational = false where id = 1`)
    const mqtt = rowsWith(page, 'MQTT').filter({ hasText: 'nemo/tools/1/disabled' })
    await mqtt.waitFor()
    await rowsWith(page, 'Redis').filter({ hasText: 'nemo/tools/1/disabled' }).waitFor()
    t.match(await mqtt.textContent(), /signed/)

    await t.test('details, envelope and the way of the change', async (t) => {
      await mqtt.click()
      const details = page.locator('.details')
      await details.locator('.way .steps').waitFor()
      const text = await details.textContent()
      t.match(text, /good: it fits the key in force/)
      t.match(text, /0x00, success/)
      t.match(text, /UPDATE of NEMO_tool 1/)
      t.match(text, /by the rule map\/tool/)
      t.match(text, /read by the listener: .* ms/)
      t.match(text, /acknowledged: .* ms/)
      t.match(text, /operational/)
      await details.locator('summary').click()
      const [arrived] = subscriber.messages.filter(({ topic }) => topic === 'nemo/tools/1/disabled')
      // The envelope is the very text that was on the wire.
      for (const [name, text] of [
        ['Copy envelope', arrived?.raw],
        ['Copy payload', JSON.parse(arrived?.raw ?? '').payload],
        ['Copy topic', 'nemo/tools/1/disabled'],
      ] as const) {
        await details.getByRole('button', { name }).click()
        await until(async () => (await page.evaluate('navigator.clipboard.readText()')) === text, { what: name })
      }
      t.strictSame(await accessibilityFaults(page), [])
      await picture(page, 'monitor-details')
    })

    await t.test('silent changes say why, and the pulse is there for who wants it', async (t) => {
      await sql(`update "NEMO_tool" set location = 'somewhere else' where id = 2`)
      await page.getByLabel('Silent').check()
      const silent = rowsWith(page, 'UPDATE NEMO_tool 2')
      await silent.waitFor()
      await silent.click()
      await page.locator('.trace .notice').filter({ hasText: 'It became no message' }).waitFor()
      await picture(page, 'monitor-silent')
      await page.getByLabel('Silent').uncheck()
      t.equal(await rowsWith(page, 'nemo/bridge/health').count(), 0)
      await page.getByLabel('Pulse').check()
      await rowsWith(page, 'nemo/bridge/health').first().waitFor()
      await page.getByLabel('Pulse').uncheck()
    })

    await t.test('a parked message says why', async () => {
      await page.getByLabel('Parked').check()
      await withRedis(redis, (client) =>
        client.lpush(KEYS.queue, JSON.stringify({ topic: 'nemo/#/wild', payload: 'x' })),
      )
      const parked = rowsWith(page, 'nemo/#/wild').filter({ hasText: 'Parked' })
      await parked.waitFor()
      await parked.click()
      await page.locator('.details .notice.failing').waitFor()
      await picture(page, 'monitor-parked')
      await page.getByLabel('Parked').uncheck()
    })

    await t.test('a message for which nobody listens says so', async () => {
      await withRedis(redis, (client) =>
        client.lpush(KEYS.queue, JSON.stringify({ topic: 'elsewhere/1', payload: 'x' })),
      )
      await rowsWith(page, 'elsewhere/1').filter({ hasText: 'nobody listens' }).click()
      await page.locator('.facts dd').filter({ hasText: '0x10, no matching subscribers' }).waitFor()
    })

    await t.test('topic filter, search and sources', async (t) => {
      await withRedis(redis, (client) =>
        client.lpush(KEYS.queue, JSON.stringify({ topic: 'nemo/areas/9', payload: 'a needle here', retain: true })),
      )
      await rowsWith(page, 'nemo/areas/9').filter({ hasText: 'MQTT' }).waitFor()
      await rowsWith(page, 'nemo/areas/9').filter({ hasText: 'other program' }).waitFor()
      await page.getByLabel('Topic filter').fill('nemo/areas/+')
      await until(async () => (await page.locator('.list [role=option]').count()) === 2, { what: 'two rows' })
      await page.getByLabel('Topic filter').fill('nemo/a#')
      await page.locator('#topic-problem').filter({ hasText: 'is no topic filter' }).waitFor()
      t.equal(await page.getByLabel('Topic filter').getAttribute('aria-invalid'), 'true')
      await picture(page, 'monitor-filter-wrong')
      await page.getByLabel('Topic filter').fill('')
      await page.getByLabel('Search').fill('NEEDLE')
      await until(async () => (await page.locator('.list [role=option]').count()) === 2, { what: 'two rows' })
      await page.getByLabel('Redis').uncheck()
      await until(async () => (await page.locator('.list [role=option]').count()) === 1, { what: 'one row' })
      await page.getByLabel('Redis').check()
      await page.getByLabel('Search').fill('')
    })

    await t.test('pause counts what arrives, start shows it', async (t) => {
      await page.getByRole('button', { name: 'Pause' }).click()
      await sql(`update "NEMO_tool" set operational = true where id = 1`)
      await page.getByRole('button', { name: 'Start (2 new)' }).waitFor()
      t.equal(await rowsWith(page, 'nemo/tools/1/enabled').count(), 0)
      await picture(page, 'monitor-paused')
      await page.getByRole('button', { name: 'Start' }).click()
      await rowsWith(page, 'nemo/tools/1/enabled').first().waitFor()
    })

    await t.test('without auto-refresh nothing moves until the button is pressed', async (t) => {
      await page.getByLabel('Auto-refresh').uncheck()
      await page.locator('.state.is-paused').waitFor()
      await sql(`update "NEMO_tool" set operational = false where id = 3`)
      await subscriber.waitFor(({ topic }) => topic === 'nemo/tools/3/disabled', 5_000)
      t.equal(await rowsWith(page, 'nemo/tools/3/disabled').count(), 0)
      await picture(page, 'monitor-not-automatic')
      await page.getByRole('button', { name: 'Refresh' }).click()
      await rowsWith(page, 'nemo/tools/3/disabled').first().waitFor()
      await page.getByLabel('Auto-refresh').check()
      await page.locator('.state.is-live').waitFor()
      t.equal(await rowsWith(page, 'nemo/tools/3/disabled').count(), 2, 'connecting again shows nothing twice')
    })

    await t.test('what is shown can be saved, harmless for spreadsheets', async (t) => {
      await withRedis(redis, (client) =>
        client.lpush(KEYS.queue, JSON.stringify({ topic: 'nemo/areas/7', payload: '=1+"2",\n3' })),
      )
      await rowsWith(page, 'nemo/areas/7').filter({ hasText: 'MQTT' }).waitFor()
      const saved = async (name: string): Promise<string> => {
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('button', { name }).click(),
        ])
        t.match(download.suggestedFilename(), /^nemo-mqtt-.*\.(csv|ndjson)$/)
        return readFileSync(await download.path(), 'utf8')
      }
      const csv = await saved('CSV')
      t.match(csv, /^time,source,topic,/)
      t.ok(csv.includes(`,"'=1+""2"",\n3"\r\n`), 'a cell that begins like a formula is a text')
      const lines = (await saved('NDJSON')).trim().split('\n')
      t.equal(lines.length, Number(/(\d+) shown/.exec((await page.locator('.count').textContent()) ?? '')?.[1]))
      t.ok(lines.some((line) => JSON.parse(line).payload === '=1+"2",\n3'))
    })

    await t.test('a new reader sees what passed before, and clear empties the list', async (t) => {
      const other = await open()
      await rowsWith(other, 'nemo/tools/1/disabled').filter({ hasText: 'MQTT' }).first().waitFor()
      await other.getByRole('button', { name: 'Clear' }).click()
      t.equal(await other.locator('.list [role=option]').count(), 0)
      await other.context().close()
    })

    await t.test('all of it by keyboard', async (t) => {
      await page.locator('.list').focus()
      await page.keyboard.press('End')
      await page.keyboard.press('ArrowUp')
      const chosen = page.locator('.list [aria-selected=true]')
      await chosen.waitFor()
      t.equal(await page.locator('.list').getAttribute('aria-activedescendant'), await chosen.getAttribute('id'))
      await page.keyboard.press('Enter')
      await page.locator('.details:focus').waitFor()
      await page.keyboard.press('Escape')
      await page.locator('.list:focus').waitFor()
      await page.keyboard.press('Shift+Tab')
      t.equal(await page.locator('button:focus').textContent(), 'Clear')
    })

    await t.test('dark, narrow', async (t) => {
      const dark = await open({ colorScheme: 'dark', viewport: { width: 390, height: 844 } })
      await rowsWith(dark, 'nemo/tools/1/disabled').first().click()
      await dark.locator('.way .steps').first().waitFor()
      await dark.locator('.uplot').first().waitFor()
      t.strictSame(await accessibilityFaults(dark), [])
      const width = await dark.evaluate('document.documentElement.scrollWidth')
      t.equal(width, 390, 'nothing is wider than the screen')
      await picture(dark, 'monitor-narrow-dark')
      const wide = await open({ colorScheme: 'dark' })
      await wide.locator('.uplot').first().waitFor()
      t.strictSame(await accessibilityFaults(wide), [])
      await picture(wide, 'monitor-dark')
    })
  },
)
