import type { Page } from 'playwright-core'
import t from 'tap'
import { accessibilityFaults, picture } from './browser.ts'
import { busyLaboratory, startTools } from './tools-rig.ts'

t.setTimeout(240_000)

const SCREEN = { width: 1920, height: 1080 }

/** Height of the letters of names, in pixels, and whether everything is on the screen. */
const look = (page: Page) =>
  page.evaluate(`(() => {
    const tiles = [...document.querySelectorAll('.tile')]
    const isCut = (tile, part) => {
      if (part === null) return false
      const [inner, outer] = [part.getBoundingClientRect(), tile.getBoundingClientRect()]
      return inner.bottom > outer.bottom || inner.left > outer.right
    }
    const cut = tiles.filter((tile) => isCut(tile, tile.querySelector('.state')) || (tile.matches('.in_use') && isCut(tile, tile.querySelector('.since'))))
    return {
      tiles: tiles.length,
      size: parseFloat(getComputedStyle(tiles[0].querySelector('h3')).fontSize),
      scrolls: document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth,
      cut: cut.map((tile) => tile.textContent),
    }
  })()`) as Promise<{ tiles: number; size: number; scrolls: boolean; cut: string[] }>

t.test('forty tools: on a desk, on a wall, on a phone, by day and by night', async (t) => {
  const { laboratory, browser, url } = await startTools(t)
  await laboratory.sql(busyLaboratory(40))
  for (const [name, address, viewport] of [
    ['tools-desk', url, undefined],
    ['tools-desk-dark', `${url}?theme=dark`, undefined],
    ['tools-wall', `${url}?kiosk`, SCREEN],
    ['tools-wall-dark', `${url}?kiosk&theme=dark`, SCREEN],
    ['tools-phone', url, { width: 390, height: 844 }],
    ['tools-phone-wall', `${url}?kiosk`, { width: 390, height: 844 }],
  ] as const) {
    const page = await browser.open(address, viewport === undefined ? {} : { viewport })
    await page.locator('.tile').nth(9).waitFor()
    t.strictSame(await accessibilityFaults(page), [], name)
    await picture(page, name)
    const seen = await look(page)
    if (address.includes('kiosk')) t.notOk(seen.scrolls, `${name} fills the screen`)
    if (viewport === SCREEN) t.match(seen, { tiles: 40, cut: [] }, 'all on one screen, no state cut off')
    if (viewport === SCREEN) t.ok(seen.size >= 28, `names have letters of ${seen.size} px`)
    if (viewport?.width === 390)
      t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, 'nothing sticks out')
    await page.context().close()
  }
})

t.test('a hundred and thirty tools take turns on the wall', async (t) => {
  const { laboratory, browser, url } = await startTools(t)
  await laboratory.sql(busyLaboratory(130))
  const page = await browser.open(`${url}?kiosk&theme=dark`, { viewport: SCREEN })
  await page.locator('.tile').nth(9).waitFor()
  await picture(page, 'tools-wall-130')
  const seen = await look(page)
  t.match(seen, { scrolls: false, cut: [] })
  t.ok(seen.size >= 28 && seen.tiles < 130, `${seen.tiles} tiles with letters of ${seen.size} px`)
  t.match(await page.locator('.page').textContent(), /^1 of [34]$/)
  t.match(await page.locator('.tile').first().textContent(), /Down/, 'what is down is on the first screen')
  const first = await page.locator('.tile').first().getAttribute('data-tool')
  await page.getByText(/^2 of [34]$/).waitFor({ timeout: 20_000 })
  t.not(await page.locator('.tile').first().getAttribute('data-tool'), first)
  t.match(await page.locator('.summary').textContent(), /2 down: .*Mask aligner/, 'and named on every screen')
})
