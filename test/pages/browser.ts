import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AxeResults } from 'axe-core'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { program } from '../fixtures/service.ts'

/** Pictures that the tests take, for people to look at; not in the repository. */
const PICTURES = join(PACKAGE_ROOT, '.tap', 'pictures')
const AXE = readFileSync(join(PACKAGE_ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')

/** A browser of its own for one test; it ends with the test. */
export interface Browser {
  /**
   * Opens a page. Whatever the page complains about (an error in a script, a broken rule of the content security policy,
   * a file that is missing) fails the test at its end.
   */
  readonly open: (url: string, options?: BrowserContextOptions) => Promise<Page>
}

/** Starts Debian's Chromium. */
export async function startBrowser(t: Test): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'nemo-mqtt-browser-'))
  const browser = await chromium.launch({
    executablePath: program('chromium'),
    args: [
      '--no-sandbox', // root has none to offer, and the pages are our own
      '--host-resolver-rules=MAP *.example.org 127.0.0.1',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
    env: { PATH: process.env.PATH ?? '', HOME: profile },
  })
  const complaints: string[] = []
  t.teardown(async () => {
    await browser.close()
    rmSync(profile, { recursive: true, force: true })
    // An assertion comes too late here, an error does not.
    if (complaints.length > 0) throw new Error(`the pages complained:\n${complaints.join('\n')}`)
  })
  return {
    open: async (url, options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
      const page = await context.newPage()
      page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`))
      page.on('console', (message) => {
        if (message.type() === 'error' && !isExpected(message.text()))
          complaints.push(`${page.url()}: ${message.text()}`)
      })
      await page.goto(url)
      return page
    },
  }
}

// The browser itself writes these when an answer is no success: what the page makes of it is for the test to say.
function isExpected(text: string): boolean {
  return /Failed to load resource|net::ERR_|^EventSource's response has a MIME type/.test(text)
}

/** Takes a picture of the whole page, for people to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
}

/** Faults that axe-core finds in a page, in a line each; by default all that are serious or critical. */
export async function accessibilityFaults(page: Page, impacts = ['serious', 'critical']): Promise<string[]> {
  // Not as a script of the page: the content security policy forbids that, as it should.
  const run = `(async () => { ${AXE}; return await axe.run(document, { resultTypes: ['violations'] }) })()`
  const { violations } = (await page.evaluate(run)) as AxeResults
  return violations
    .filter(({ impact }) => impacts.includes(impact ?? ''))
    .flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help}: ${target.join(' ')}`))
}
