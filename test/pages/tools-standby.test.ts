import t from 'tap'
import { freePort } from '../../lab/port.ts'
import { until } from '../../lab/wait.ts'
import type { StatesAnswer } from '../../src/http/wire/tools.ts'
import { openLaboratory } from '../service/laboratory.ts'
import { startBrowser } from './browser.ts'
import { tile } from './tools-rig.ts'

t.setTimeout(120_000)

t.test('a standby shows the tools too, and names people as the stored configuration wants it', async (t) => {
  const laboratory = await openLaboratory(t)
  await laboratory.sql(`insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id) values (1, 3, 3, 1)`)
  const active = await laboratory.start()
  await active.says('redis', 'ok')
  const port = await freePort()
  const standby = await laboratory.start({ settings: { http_port: port } })
  await standby.says('lease', 'waiting')
  const states = async (): Promise<StatesAnswer> => {
    const answer = await fetch(`http://127.0.0.1:${port}/mqtt/api/tools`)
    t.equal(answer.status, 200)
    return (await answer.json()) as StatesAnswer
  }
  const userOf = async (): Promise<unknown> =>
    (await states()).tools.find((tool) => tool.tool_id === '1')?.usage?.user_name
  t.equal(await userOf(), 'Ada Lindqvist')

  const browser = await startBrowser(t)
  const page = await browser.open(`http://127.0.0.1:${port}/mqtt/tools/`)
  await tile(page, 1).getByText('Ada Lindqvist').waitFor()
  await laboratory.sql(`update "NEMO_tool" set operational = false where id = 3`)
  await tile(page, 3).getByText('Down').waitFor({ timeout: 5_000 })

  await laboratory.sql(
    `insert into nemo_mqtt.configuration values ('private', true, '{"user_name_format": "initials"}')`,
  )
  await until(async () => (await userOf()) === 'A. L.', { what: 'the name in the wanted form' })
  await laboratory.sql(`update nemo_mqtt.configuration set settings = '{"user_name_format": "none"}'`)
  await tile(page, 1).getByText('Ada').waitFor({ state: 'detached' })
  await until(async () => (await userOf()) === null, { what: 'no name' })
  await laboratory.sql('delete from nemo_mqtt.configuration')
  t.equal(await userOf(), null, 'nor when none is enabled any more')
})

t.test('what cannot be read is said with a code that programs understand', async (t) => {
  const laboratory = await openLaboratory(t)
  const port = await freePort()
  const service = await laboratory.start({ settings: { http_port: port } })
  await service.says('http', 'ok')
  await laboratory.sql(`alter table "NEMO_tool" rename to gone`)
  const answer = await fetch(`http://127.0.0.1:${port}/mqtt/api/tools`)
  t.equal(answer.status, 503)
  t.match(await answer.json(), { error: /no NEMO in this database/ })
})
