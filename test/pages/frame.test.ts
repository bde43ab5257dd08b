import t from 'tap'
import { freePort } from '../../lab/port.ts'
import { openLaboratory } from '../service/laboratory.ts'
import { accessibilityFaults, picture, startBrowser } from './browser.ts'

t.setTimeout(120_000)

t.test('every page is drawn, knows where it is, and leads to the others by keyboard', async (t) => {
  const laboratory = await openLaboratory(t)
  const port = await freePort()
  const service = await laboratory.start({ settings: { http_port: port } })
  await service.says('http', 'ok')
  const browser = await startBrowser(t)
  for (const path of ['/mqtt/monitor/', '/mqtt/tools/', '/customization/mqtt/']) {
    const page = await browser.open(`http://127.0.0.1:${port}${path}`)
    await page.locator('nav a[aria-current=page]').waitFor()
    t.equal(
      new URL(await page.locator('nav a[aria-current=page]').evaluate((a: { href: string }) => a.href)).pathname,
      path,
    )
    t.strictSame(await accessibilityFaults(page), [])
    await picture(page, `frame-${path.split('/')[2]}`)
  }
})
