import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { freePort } from '../../lab/port.ts'
import { CONFIG_KEY, type ConfigBench } from '../config/bench.ts'
import type { ServiceOptions, ServiceProcess } from '../fixtures/service.ts'
import { ConfiguredLaboratory } from '../service/configured.ts'
import type { Laboratory } from '../service/laboratory.ts'
import { type Browser, startBrowser } from './browser.ts'

/** Of those who may change things. */
export const ADMIN_PASSWORD = 'a password for admins'

/** A running service with its configuration page, and a browser. */
export interface PageRig {
  readonly laboratory: ConfiguredLaboratory
  readonly servers: Laboratory
  /** `nemo-mqtt config` on the same database. */
  readonly config: ConfigBench
  readonly service: ServiceProcess
  readonly browser: Browser
  readonly url: string
  /** Opens the page as an admin, who has logged in through the form. */
  readonly asAdmin: (t: Test, options?: Parameters<Browser['open']>[1]) => Promise<Page>
  /** Every answer that a browser has got since the start, as text. */
  readonly answers: ReadonlyArray<readonly [string, string]>
  /** Asks the API with the admin's token. */
  readonly api: (path: string, method?: string, body?: unknown) => Promise<{ status: number; text: string }>
}

/** Starts all of it; it ends with the test. */
export async function openPageRig(
  t: Test,
  changed: (laboratory: Laboratory) => Promise<Partial<ServiceOptions>> = async () => ({}),
): Promise<PageRig> {
  const laboratory = await ConfiguredLaboratory.open(t)
  const port = await freePort()
  const options = await changed(laboratory.laboratory)
  const settings = { http_port: port, http_admin_password: ADMIN_PASSWORD, config_key: CONFIG_KEY, ...options.settings }
  const service = await laboratory.start(t, { ...options, settings })
  await service.says('http', 'ok')
  const browser = await startBrowser(t)
  const url = `http://127.0.0.1:${port}/customization/mqtt/`
  const answers: Array<readonly [string, string]> = []
  const record = (page: Page): void => {
    page.on('response', async (response) => {
      // A redirect has no body, and neither has an answer to a page that is gone.
      const text = await response.text().catch(() => '')
      answers.push([response.url(), text])
    })
  }
  const asAdmin: PageRig['asAdmin'] = async (_, options) => {
    const page = await browser.open(`http://127.0.0.1:${port}/mqtt/login?next=/customization/mqtt/`, options)
    record(page)
    await page.getByLabel('Password').fill(ADMIN_PASSWORD)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'Configurations' }).waitFor()
    return page
  }
  const api: PageRig['api'] = async (path, method = 'GET', body) => {
    const response = await fetch(`http://127.0.0.1:${port}/mqtt/api/${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_PASSWORD}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  }
  const { config } = laboratory
  return { laboratory, servers: laboratory.laboratory, config, service, browser, url, asAdmin, answers, api }
}

/** What the page says happened last. */
export async function said(page: Page, words: RegExp): Promise<void> {
  await page.getByRole('status').filter({ hasText: words }).waitFor()
}

/** Where a setting is in the form. */
export function field(page: Page, name: string) {
  return page.locator(`#setting-${name}`)
}
