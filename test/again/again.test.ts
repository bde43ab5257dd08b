import t from 'tap'
import { until } from '../../lab/wait.ts'
import { runCli, serviceEnvironment } from '../fixtures/service.ts'
import { delivered, openLaboratory } from '../service/laboratory.ts'

t.setTimeout(180_000)

t.test('backfill tells how everything is, as snapshots, and no event', async (t) => {
  const laboratory = await openLaboratory(t)
  const { sql, subscriber } = laboratory
  await laboratory.start()
  await sql(
    `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start) values (1, 1, 1, 1, now())`,
  )
  await subscriber.waitFor(({ topic }) => topic === 'nemo/tools/1/start')
  const [{ tools, areas } = {}] = await sql(
    'select (select count(*)::int from "NEMO_tool") as tools, (select count(*)::int from "NEMO_area") as areas',
  )
  const before = subscriber.messages.length
  const environment = serviceEnvironment(laboratory.options())
  const { code, stdout } = await runCli(['backfill'], environment)
  t.equal(code, 0)
  t.match(stdout, `${Number(tools) + Number(areas)} published: ${tools} tools, ${areas} areas`)
  await delivered(laboratory)
  const fresh = subscriber.messages.slice(before)
  await until(() => subscriber.messages.length === before + Number(tools) + Number(areas), { what: 'all of them' })
  t.ok(
    fresh.every(({ topic, retain }) => topic.endsWith('/snapshot') && !retain),
    'nothing else, and nothing retained',
  )
  const first = subscriber.messages.find(({ topic }) => topic === 'nemo/tools/1/snapshot')
  t.match(first?.parsed, { event: 'tool_snapshot', snapshot: true, tool_id: 1, in_use: true, user_name: /\w/ })
})

t.test('replay publishes what the log holds once more: same texts, same order, of what was asked for', async (t) => {
  const laboratory = await openLaboratory(t)
  const { sql, subscriber } = laboratory
  const settings = { log_messages: true }
  await laboratory.start({ settings })
  for (const tool of [1, 2, 1, 2, 1])
    await sql(`update "NEMO_tool" set operational = not operational where id = ${tool}`)
  await subscriber.waitFor(5)
  const logged = async (): Promise<number> =>
    Number((await sql('select count(*)::int as n from nemo_mqtt.message_log where topic is not null'))[0]?.n)
  await until(async () => (await logged()) >= 5, { what: 'the message log' })
  const texts = (from: number, tool: number): string[] =>
    subscriber.messages
      .slice(from)
      .filter(({ topic }) => topic.startsWith(`nemo/tools/${tool}/`))
      .map(({ topic, raw }) => `${topic} ${raw}`)
  const first = texts(0, 1)
  t.equal(first.length, 3)
  const count = subscriber.messages.length
  const environment = serviceEnvironment(laboratory.options({ settings }))
  const { code, stdout } = await runCli(['replay', '--since', '1h', '--tool', '1', '--rate', '50'], environment)
  t.equal(code, 0)
  t.match(stdout, '3 published again')
  await delivered(laboratory)
  await until(() => subscriber.messages.length === count + 3, { what: 'the repeats' })
  t.strictSame(texts(count, 1), first)
  t.equal((await runCli(['replay', '--since', '1h', '--tool', '99'], environment)).code, 1, 'nothing found')
  t.equal((await runCli(['replay', '--tool', '1'], environment)).code, 2, 'since when must be said')
})
