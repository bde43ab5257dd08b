import pg from 'pg'
import t from 'tap'
import { until } from '../../lab/wait.ts'
import { version } from '../../src/version.ts'
import { accessibilityFaults, picture } from './browser.ts'
import { startTools, tile } from './tools-rig.ts'

t.setTimeout(240_000)

t.test('what happens in NEMO is on the page at once', async (t) => {
  const { laboratory, browser, url } = await startTools(t)
  const { sql } = laboratory
  const page = await browser.open(url)
  await tile(page, 1).getByText('Free').waitFor()
  t.equal(await page.locator('.tile').count(), 5, 'no tile for a child tool')

  const appears = async (id: number, text: string, statement: string): Promise<void> => {
    await sql(statement)
    const began = performance.now()
    await tile(page, id).getByText(text).waitFor({ timeout: 15_000 })
    const took = Math.round(performance.now() - began)
    t.comment(`${text}: ${took} ms after the commit`)
  }
  const usage = `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start) values`
  await appears(1, 'Ada Lindqvist', `${usage} (1, 3, 3, 1, now() - interval '72 minutes')`)
  t.match(await tile(page, 1).locator('.since').textContent(), /^since .*\d\d:\d\d · 1 h 1[23] min$/)
  t.match(await tile(page, 1).locator('.state b').textContent(), 'In use')
  await appears(3, 'with Oxidation furnace, tube B', `${usage} (6, 4, 2, 1, now())`)
  t.equal(await tile(page, 3).locator('.who').textContent(), 'Tomás Reyes for Wei Zhang')
  await appears(1, 'Free', `update "NEMO_usageevent" set "end" = now(), has_ended = 1 where tool_id = 1`)
  await appears(
    4,
    'Log-off delayed',
    `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, "end", has_ended)
     values (4, 5, 5, 1, now() + interval '4 seconds', 9)`,
  )
  t.match(await tile(page, 4).locator('.who').textContent(), /^until .*\d\d:\d\d · Sinéad O'Brien$/)
  await appears(2, 'Down', `update "NEMO_tool" set operational = false where id = 2`)
  await appears(2, 'No light', `insert into "NEMO_task" (tool_id, creator_id, title) values (2, 3, 'No light')`)
  t.equal(await page.locator('.tile').first().getAttribute('data-tool'), '2', 'what is down comes first')
  await appears(
    5,
    'Tip broken',
    `insert into "NEMO_task" (tool_id, creator_id, problem_description, safety_hazard)
    values (5, 3, 'Tip broken', true)`,
  )
  await appears(
    1,
    'Noor van den Berg',
    `insert into "NEMO_reservation" (tool_id, creator_id, user_id, start, "end")
     values (1, 1, 7, now() + interval '1 hour', now() + interval '2 hours')`,
  )
  t.match(await tile(page, 1).locator('.note').textContent(), /^reserved .*\d\d:\d\d–.*\d\d:\d\d · Noor van den Berg$/)
  await sql(`insert into "NEMO_areaaccessrecord" (area_id, customer_id, project_id) values (1, 3, 1)`)
  await page.locator('[data-area="1"]').getByText('1 of 12').waitFor()
  await page.locator('[data-area="1"]').getByText('Ada Lindqvist').waitFor()
  await tile(page, 4).getByText('Free').waitFor({ timeout: 6_000 })
  t.pass('the delayed log-off ended by the clock alone')
  t.strictSame(await accessibilityFaults(page), [])
})

t.test('search and filters, with the keyboard alone', async (t) => {
  const { laboratory, browser, url } = await startTools(t)
  await laboratory.sql(`update "NEMO_tool" set operational = false where id = 2;
    insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id) values (1, 3, 3, 1)`)
  const page = await browser.open(url)
  await tile(page, 1).waitFor()
  const shown = async (): Promise<string[]> =>
    (await page.locator('.tile').evaluateAll((tiles) => tiles.map((one) => one.getAttribute('data-tool') ?? ''))).sort()
  await page.getByRole('searchbox').focus()
  await page.keyboard.type('metro LIND')
  await until(async () => (await shown()).join() === '1', { what: 'the search by category and person' })
  await page.getByRole('searchbox').fill('no such thing')
  await page.getByText('No tool is like that.').waitFor()
  await page.getByRole('searchbox').fill('')
  for (const [name, expected] of [
    [/in use/, ['1']],
    [/free/, ['3', '4', '5']],
    [/down or/, ['2']],
    [/all/, ['1', '2', '3', '4', '5']],
  ] as const) {
    await page.getByRole('button', { name }).focus()
    await page.keyboard.press('Enter')
    t.strictSame(await shown(), expected)
    t.equal(await page.getByRole('button', { name }).getAttribute('aria-pressed'), 'true')
  }
})

t.test('names are text, whatever is in them', async (t) => {
  const { laboratory, browser, url } = await startTools(t)
  const evil = `<img src=x onerror="document.title='pwned'">`
  await laboratory.sql(`update "NEMO_tool" set name = '${evil.replaceAll("'", "''")}', category = '<b>x</b>' where id = 1;
    update "NEMO_user" set first_name = '<script>', last_name = '&amp;' where id = 3;
    update "NEMO_area" set name = '<i>' where id = 1;
    insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id) values (1, 3, 3, 1);
    insert into "NEMO_task" (tool_id, creator_id, title) values (1, 3, '${evil.replaceAll("'", "''")}')`)
  const page = await browser.open(url)
  t.equal(await tile(page, 1).locator('h3').textContent(), evil)
  t.equal(await tile(page, 1).locator('.who').textContent(), '<script> &amp;')
  t.equal(await page.locator('[data-area="1"] h3').textContent(), '<i>')
  t.equal(await page.locator('main img, main script, main b b, main i').count(), 0)
  t.equal(await page.title(), 'Tools · NEMO MQTT')
})

t.test('a page that is not live says so, greys, and comes back by itself, of the new version too', async (t) => {
  const { laboratory, browser, url, service, port } = await startTools(t)
  const page = await browser.open(`${url}?kiosk`, { viewport: { width: 1920, height: 1080 } })
  await tile(page, 1).getByText('Free').waitFor()
  t.equal(await page.locator('.stale').count(), 0)
  t.equal(await page.locator('header.frame').isVisible(), false, 'a wall has no frame')

  const nemo = new pg.Client({ connectionString: laboratory.databaseUrl })
  await nemo.connect()
  t.teardown(() => nemo.end())
  await nemo.query('begin; lock table "NEMO_tool" in access exclusive mode')
  await page.getByText('Not live.').waitFor()
  t.match(await page.getByRole('status').textContent(), /database cannot be read: .*Last word: \d/)
  await nemo.query('commit')
  await page.getByText('Not live.').waitFor({ state: 'detached' })

  await service.kill()
  await page.locator('.stale').waitFor()
  t.match(await page.getByRole('status').textContent(), /^Not live\. .*Last word: \d/)
  await picture(page, 'tools-not-live')
  await laboratory.sql(`insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id) values (1, 3, 3, 1)`)
  const again = await laboratory.start({ settings: { http_port: port } })
  await again.says('http', 'ok')
  await tile(page, 1).getByText('Ada Lindqvist').waitFor({ timeout: 20_000 })
  t.equal(await page.locator('.stale').count(), 0)

  const answer = { version: `${version()}-next`, time: null, tools: [], areas: [], problem: null }
  await page.route('**/api/tools/stream', (route) =>
    route.fulfill({ contentType: 'text/event-stream', body: `event: states\ndata: ${JSON.stringify(answer)}\n\n` }),
  )
  const loaded = page.waitForEvent('load', { timeout: 20_000 })
  await again.kill()
  const upgraded = await laboratory.start({ settings: { http_port: port } })
  await upgraded.says('http', 'ok')
  await loaded
  await page.unroute('**/api/tools/stream')
  t.pass('it loaded itself again')
})
