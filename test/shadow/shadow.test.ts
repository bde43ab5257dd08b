import t from 'tap'
import { until } from '../../lab/wait.ts'
import { fromEnvironment } from '../../src/config/environment.ts'
import { resolveStored } from '../../src/config/in-force.ts'
import { type PythonValue, pythonJson } from '../../src/dialect/python-json.ts'
import { createLog } from '../../src/log.ts'
import { runShadow } from '../../src/shadow/run.ts'
import { serviceEnvironment } from '../fixtures/service.ts'
import { startCommand } from '../messages/command.ts'
import { openLaboratory, withRedis } from '../service/laboratory.ts'

/** Beside a plugin that is played: what it tells of the laboratory's changes, and with its faults. */
t.setTimeout(180_000)
const DEADLINE_MS = 2_000

const lab = await openLaboratory(t)
const { sql, broker, subscriber } = lab
const environment = serviceEnvironment(lab.options({ settings: { keepalive: 2 } }))
const USAGE = 'tool_id, user_id, operator_id, project_id'

/** What the plugin tells. */
async function tells(topic: string, fields: Record<string, PythonValue>): Promise<void> {
  await subscriber.client.publishAsync(`nemo/${topic}`, pythonJson(fields), { qos: 1 })
}
const tool = (event: string, tool_id: number, tool_name: string, tool_status = true) =>
  tells(`tools/${tool_id}`, { event, tool_id, tool_name, tool_status, timestamp: false })
const usage = (event: string, level: string, usage_id: number, tool_name: string, time: Record<string, string>) =>
  tells(`tools/1/${level}`, { event, tool_id: 1, tool_name, usage_id, user_name: 'Wei Zhang (wei)', ...time })

/** A shadow in this process. */
class Shadowed {
  readonly lines: string[] = []
  readonly notes: string[] = []
  readonly #stop = new AbortController()
  readonly code: Promise<number>

  constructor() {
    const settings = resolveStored(fromEnvironment(environment), undefined)
    this.code = runShadow(
      {
        settings,
        deadlineMs: DEADLINE_MS,
        forMs: undefined,
        log: createLog({ level: 'ERROR', secrets: () => [] }),
        secrets: () => [],
        print: (line) => this.lines.push(line),
        note: (line) => this.notes.push(line),
      },
      this.#stop.signal,
    )
    t.teardown(() => this.end())
  }

  async end(): Promise<number> {
    this.#stop.abort()
    return await this.code
  }

  /** Waits until a line says so. */
  async says(pattern: RegExp): Promise<string> {
    const find = (): string | undefined => this.lines.find((line) => pattern.test(line))
    await until(() => find() !== undefined, { deadlineMs: 20_000, what: `${pattern} in ${this.lines.join('\n')}` })
    return find() ?? ''
  }

  /** Waits until it compares: what the plugin does not tell is missing. */
  async compares(): Promise<void> {
    const from = this.lines.length
    let n = 0
    const isMissing = async (): Promise<boolean> => {
      n += 1
      await sql(`update "NEMO_tool" set name = 'unseen ${n}' where id = 5`)
      return this.lines.slice(from).some((line) => /missing {4}tool_updated on tools\/5: /.test(line))
    }
    await until(isMissing, { deadlineMs: 30_000, everyMs: 500, what: 'the first difference' })
  }
}

t.test('what differs is a line, what the plugin’s faults explain is told apart, and nothing piles up', async (t) => {
  const published = subscriber.messages.length
  await sql(`update "NEMO_tool" set visible = not visible where id = 2`)
  const shadow = new Shadowed()
  await shadow.compares()
  const [one] = await sql(`select name from "NEMO_tool" where id = 1`)
  const name = String(one?.name)

  // The same on both sides, whichever comes first.
  await sql(`update "NEMO_tool" set operational = false where id = 1`)
  await tool('tool_updated', 1, name, false)
  await tool('tool_updated', 1, name, true)
  await sql(`update "NEMO_tool" set operational = true where id = 1`)
  const [begun] = await sql(`insert into "NEMO_usageevent" (${USAGE}) values (1, 4, 3, 1) returning id`)
  const id = Number(begun?.id)
  await usage('tool_enabled', 'enabled', id, name, { start_time: '2026-11-25T04:34:05.407914-05:00' })
  await sql(`update "NEMO_usageevent" set "end" = now(), has_ended = id where id = ${id}`)
  await usage('tool_disabled', 'disabled', id, name, { end_time: '2026-11-25T04:34:05+00:00' })
  // Faults: saved without a change, over long ago, billing, rolled back.
  await tool('tool_updated', 1, name, true)
  await tool('tool_updated', 3, String((await sql(`select name from "NEMO_tool" where id = 3`))[0]?.name))
  await usage('tool_disabled', 'disabled', id, name, { end_time: '2026-11-25T04:34:05+00:00' })
  await usage('tool_enabled', 'enabled', 999_999, name, { start_time: '2026-11-25T04:34:05+00:00' })
  await usage('tool_enabled', 'enabled', id, name, { start_time: '2026-11-25T04:34:05.407914-05:00' })
  await tool('tool_updated', 1, 'of a write that was rolled back')
  const [bill] = await sql(
    `insert into "NEMO_areaaccessrecord" (customer_id, project_id, area_id, staff_charge_id) values (4, 1, 1, 7) returning id`,
  )
  await tells(`area_access/${bill?.id}`, { event: 'area_access', access_id: Number(bill?.id), user_id: 4 })
  // Another value.
  await sql(`update "NEMO_tool" set name = 'Mask aligner 2' where id = 2`)
  await tool('tool_updated', 2, 'Mask aligner 3')
  // Another text.
  await sql(`update "NEMO_area" set name = 'Bay ä' where id = 2`)
  const [area] = await sql(`select requires_reservation as r from "NEMO_area" where id = 2`)
  const text = {
    event: 'area_updated',
    area_id: 2,
    area_name: 'Bay ä',
    area_requires_reservation: area?.r,
    timestamp: false,
  }
  await subscriber.client.publishAsync('nemo/areas/2', JSON.stringify(text), { qos: 1 })

  await shadow.says(/text {7}area_updated on areas\/2: the same fields in another text/)
  await shadow.says(/different {2}tool_updated on tools\/2: tool_name "Mask aligner 3", with us "Mask aligner 2"/)
  await shadow.says(/fault {6}tool_updated on tools\/1: a row was saved/)
  await shadow.says(/fault {6}tool_updated on tools\/3: a row was saved/)
  await shadow.says(new RegExp(`fault {6}tool_disabled on tools/1/disabled \\(usage ${id}\\): a usage that was over`))
  await shadow.says(/fault {6}tool_enabled .*\(usage 999999\): its row does not exist/)
  await shadow.says(new RegExp(`fault {6}tool_enabled .*\\(usage ${id}\\): a usage that had begun was saved again`))
  await shadow.says(/fault {6}tool_updated on tools\/1: its row never said so/)
  await shadow.says(/fault {6}area_access on area_access\/\d+: a record for billing/)
  const logged = async () => Number((await sql('select count(*)::int as n from nemo_mqtt.change_log'))[0]?.n)
  await until(async () => (await logged()) === 0, { what: 'the change log to be empty' })
  t.equal(await shadow.end(), 0, shadow.lines.join('\n'))
  t.match(
    shadow.lines.at(-1),
    /summary {4}5 the same, \d+ missing at the plugin, 0 too many from the plugin, 7 of its faults/,
  )
  t.notMatch(shadow.lines.join('\n'), /Zhang/, 'no personal data')
  t.equal(subscriber.messages.length - published, 13, 'nobody but the plugin has published anything')
  t.equal(await withRedis(lab.redis, (client) => client.dbsize()), 0, 'Redis was not touched')
})

t.test('what no change and no fault explains is an exit code of 1; outages accuse nobody', async (t) => {
  const shadow = new Shadowed()
  await shadow.compares()
  await lab.postgres.kill()
  await until(() => shadow.notes.some((note) => note.startsWith('PostgreSQL: ')), { what: 'the outage to be noticed' })
  await lab.postgres.start()
  await until(() => shadow.notes.includes('PostgreSQL answers again'), { deadlineMs: 30_000, what: 'PostgreSQL' })
  await broker.kill()
  await until(() => shadow.notes.some((note) => /was lost/.test(note)), { what: 'the outage to be noticed' })
  const before = shadow.lines.length
  await sql(`update "NEMO_tool" set name = 'while nobody listened' where id = 6`)
  // One tool is used by one at a time, unless has_ended says otherwise.
  const begin = async (hasEnded: number) => {
    const values = `(${USAGE}, has_ended) values (1, 4, 3, 1, ${hasEnded})`
    const [begun] = await sql(`insert into "NEMO_usageevent" ${values} returning id`)
    return Number(begun?.id)
  }
  const unheard = await begin(900_001)
  await broker.start()
  await until(() => shadow.notes.some((note) => /connected .* again/.test(note)), {
    deadlineMs: 30_000,
    what: 'it again',
  })
  await shadow.compares()
  t.notMatch(shadow.lines.slice(before).join('\n'), /tools\/6/, 'what was committed meanwhile is not compared')

  await until(() => subscriber.client.connected, { what: 'the subscriber' })
  const [one] = await sql(`select name from "NEMO_tool" where id = 1`)
  const START = { start_time: '2026-11-25T04:34:05+00:00' }
  const late = await begin(900_002)
  await shadow.says(new RegExp(`missing {4}tool_enabled on tools/1/enabled \\(usage ${late}\\)`))
  await usage('tool_enabled', 'enabled', unheard, String(one?.name), START)
  await usage('tool_enabled', 'enabled', late, String(one?.name), START)
  await shadow.says(new RegExp(`fault {6}tool_enabled .*\\(usage ${late}\\): what was missing came late`))
  t.notMatch(shadow.lines.join('\n'), new RegExp(`usage ${unheard}\\)`), 'its like was not compared')

  await sql(`alter table "NEMO_usageevent" disable trigger nemo_mqtt_capture`)
  const [lost] = await sql(`insert into "NEMO_usageevent" (${USAGE}) values (1, 4, 3, 1) returning id`)
  await usage('tool_enabled', 'enabled', Number(lost?.id), 'SEM', START)
  await shadow.says(new RegExp(`too many {3}tool_enabled on tools/1/enabled \\(usage ${lost?.id}\\)`))
  await sql(`alter table "NEMO_usageevent" enable trigger nemo_mqtt_capture`)
  t.equal(await shadow.end(), 1)
})

t.test('as a command it ends by itself, says what it is given, and forgets what was before it', async (t) => {
  const logged = async () => Number((await sql('select count(*)::int as n from nemo_mqtt.change_log'))[0]?.n)
  await sql(`update "NEMO_tool" set visible = not visible where id = 2`)
  t.not(await logged(), 0)
  const command = startCommand(t, ['run', '--shadow', '--for', '3s'], environment)
  t.equal(await command.ended, 0)
  t.match(command.lines.join('\n'), /summary {4}0 the same/)
  t.equal(await logged(), 0, 'the service that comes after it does not tell it again')
  t.match(command.notes(), /listening to nemo\/#; nothing is published/)
  const wrong = startCommand(t, ['run', '--shadow', '--for', 'long'], environment)
  t.equal(await wrong.ended, 2)
  t.match(wrong.notes(), /--for long: no length of time/)
})
