import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { freePort } from '../../lab/port.ts'
import type { ServiceProcess } from '../fixtures/service.ts'
import { type Laboratory, type LaboratoryOptions, openLaboratory } from '../service/laboratory.ts'
import { type Browser, startBrowser } from './browser.ts'

/** A running service and a browser that looks at its monitor. */
export interface MonitorLab {
  readonly laboratory: Laboratory
  readonly service: ServiceProcess
  readonly browser: Browser
  readonly port: number
  /** What the page is at. */
  readonly url: string
  /** Opens the monitor and waits until it is live. */
  readonly open: (options?: Parameters<Browser['open']>[1]) => Promise<Page>
}

/** What may be different. */
export interface MonitorLabOptions extends LaboratoryOptions {
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

/** Starts servers, service and browser; all of it ends with the test. */
export async function openMonitorLab(t: Test, { settings, ...options }: MonitorLabOptions = {}): Promise<MonitorLab> {
  const laboratory = await openLaboratory(t, options)
  const port = await freePort()
  const service = await laboratory.start({ settings: { http_port: port, ...settings } })
  await service.says('http', 'ok')
  await service.says('broker', 'ok')
  await service.says('redis', 'ok')
  const browser = await startBrowser(t)
  const url = `http://127.0.0.1:${port}/mqtt/monitor/`
  return {
    laboratory,
    service,
    browser,
    port,
    url,
    open: async (page = {}) => {
      const opened = await browser.open(url, page)
      await opened.locator('.state.is-live').waitFor()
      return opened
    },
  }
}

/** Rows of the list that have this text. */
export function rowsWith(page: Page, text: string) {
  return page.locator('.list [role=option]').filter({ hasText: text })
}
