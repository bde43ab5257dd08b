import type { Page, Route } from 'playwright-core'
import t from 'tap'
import { until } from '../../lab/wait.ts'
import { runProgram } from '../check/run-check.ts'
import { serviceEnvironment } from '../fixtures/service.ts'
import { accessibilityFaults, picture } from './browser.ts'
import { openMonitorLab, rowsWith } from './monitor-lab.ts'

t.setTimeout(300_000)

/** What a page must say within this time, in milliseconds. */
const SOON_MS = 15_000

t.test('what is broken is red, in the words of nemo-mqtt-check, and recovers', async (t) => {
  const settings = { http_admin_password: 'the admin of the test' }
  const { laboratory, open, url } = await openMonitorLab(t, { settings })
  const { broker, sql } = laboratory
  const page = await open()
  const box = page.locator('[data-box=broker]')
  await page.locator('[data-box=broker].is-ok').waitFor()
  t.ok(await page.getByRole('button', { name: 'Check now' }).isDisabled(), 'viewers start no checks')

  await broker.kill()
  await page.locator('[data-box=broker].is-failing').waitFor({ timeout: 5_000 })
  await sql(`update "NEMO_tool" set operational = false where id = 1`)
  await page.locator('.summary').filter({ hasText: 'Messages do not flow' }).waitFor({ timeout: SOON_MS })
  const trouble = page.locator('.troubles li').filter({ hasText: 'BROKER_TCP' })
  await trouble.waitFor({ timeout: SOON_MS })
  const environment = serviceEnvironment(laboratory.options({ settings }))
  const report = JSON.parse((await runProgram(environment, ['--json', '--only', 'BROKER_TCP'])).stdout)
  const [{ found, why, todo }] = report.results
  const text = (await trouble.textContent()) ?? ''
  for (const words of [found, why, todo]) t.ok(text.includes(words), words)
  t.strictSame(await accessibilityFaults(page), [])
  await picture(page, 'monitor-broker-away')

  // What waits for the broker is told too: the message is under way.
  await rowsWith(page, 'nemo/tools/1/disabled').first().click()
  await page.locator('.way').filter({ hasText: 'is under way' }).waitFor()

  await broker.start()
  await page.locator('[data-box=broker].is-ok').waitFor({ timeout: SOON_MS })
  await page.locator('.summary').filter({ hasText: 'Messages flow' }).waitFor({ timeout: SOON_MS })
  await until(async () => (await page.locator('.troubles li').count()) === 0, {
    deadlineMs: SOON_MS,
    what: 'no trouble',
  })
  await page.getByRole('button', { name: 'Look again' }).click()
  await page.locator('.way').filter({ hasText: 'acknowledged' }).first().waitFor()
  t.match(await box.textContent(), /0 unanswered/)

  await page.goto(`${new URL(url).origin}/mqtt/login?next=/mqtt/monitor/`)
  await page.locator('input[name=password]').fill('the admin of the test')
  await page.keyboard.press('Enter')
  await page.locator('.state.is-live').waitFor()
  const checkNow = page.getByRole('button', { name: 'Check now' })
  // The checks may have run a moment ago, because of the broker.
  await until(
    async () => {
      await checkNow.click()
      await page.getByRole('button', { name: 'Checking…' }).waitFor({ state: 'detached' })
      return await page.locator('.findings li').filter({ hasText: 'ROUND_TRIP' }).isVisible()
    },
    { deadlineMs: 30_000, everyMs: 500, what: 'all findings' },
  )
  t.ok((await page.locator('.findings li').count()) > 30)
  await picture(page, 'monitor-findings')
  await checkNow.click()
  await page.locator('.check .problem').filter({ hasText: 'again in' }).waitFor()
})

const FAULTS: ReadonlyArray<readonly [name: string, says: RegExp, handle: (route: Route) => Promise<void> | void]> = [
  ['a login page', /not logged in/, (route) => route.fulfill({ status: 302, headers: { location: '/mqtt/login' } })],
  [
    'a proxy that finds nobody',
    /A proxy in front of the service answered 502/,
    (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }),
  ],
  [
    'what is no JSON',
    /not from this service|no answer of this service/,
    (route) =>
      route.request().url().endsWith('stream')
        ? route.fulfill({ contentType: 'text/event-stream', body: 'event: history\ndata: {oops\n\n' })
        : route.fulfill({ contentType: 'application/json', body: '{oops' }),
  ],
  ['silence', /Nothing was heard|No answer within/, () => undefined],
]

t.test('C125 a login page, an error of a proxy, nonsense or silence is told, and mends by itself', async (t) => {
  const { open } = await openMonitorLab(t)
  const page = await open()
  const requests = openRequests(page)
  for (const [name, says, handle] of FAULTS) {
    await t.test(name, async (t) => {
      await page.route('**/mqtt/api/**', handle)
      const since = performance.now()
      await page.reload()
      const notice = page.locator('[role=alert] .notice.failing').filter({ hasText: says })
      await notice.waitFor({ timeout: SOON_MS })
      await page.locator('.state.is-lost').waitFor()
      t.comment(`told after ${Math.round(performance.now() - since)} ms: ${await notice.textContent()}`)
      await picture(page, `monitor-lost-${name.replaceAll(' ', '-')}`)
      let most = 0
      const end = performance.now() + (name === 'silence' ? 12_000 : 3_000) // some attempts each
      await until(
        () => {
          most = Math.max(most, requests.size)
          return performance.now() > end
        },
        { deadlineMs: 20_000, what: 'some attempts' },
      )
      t.ok(most <= 3, `${most} requests were open at most`)
      await page.unroute('**/mqtt/api/**')
      await page.locator('.state.is-live').waitFor({ timeout: SOON_MS + 10_000 })
      t.equal(await page.locator('[role=alert] .notice').count(), 0)
    })
  }
})

function openRequests(page: Page): ReadonlySet<unknown> {
  const open = new Set<unknown>()
  page.on('request', (request) => request.url().includes('/mqtt/api/') && open.add(request))
  page.on('requestfinished', (request) => open.delete(request))
  page.on('requestfailed', (request) => open.delete(request))
  return open
}
