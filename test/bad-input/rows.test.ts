import t from 'tap'
import { startProxy } from '../../lab/proxy.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { runCli, serviceEnvironment } from '../fixtures/service.ts'
import { leftOver, openLaboratory } from '../service/laboratory.ts'

const SECRET = 'row-secret'
/** Beyond what a JavaScript number can hold. */
const LARGE = '9007199254740993'

const NAMES: Readonly<Record<string, string>> = {
  '901': '',
  '902': 'C++ #1 / α',
  '903': '😀 "quoted" \\ $SYS/# 𝔘𝔫𝔦',
  '904': 'line\nbreak\u0007\u001b[31m\t\u2028',
  '905': '</script><script>alert(1)</script>',
  [LARGE]: 'a large id',
}

t.test('what people type into NEMO arrives as they typed it; what the broker cannot take is parked', async (t) => {
  t.setTimeout(120_000)
  const laboratory = await openLaboratory(t, { broker: ['max_packet_size 100000'] })
  const { sql, broker } = laboratory
  const proxy = await startProxy({ targetPort: broker.port })
  t.teardown(() => proxy.stop())
  const subscriber = await startSubscriber({ url: broker.url, topics: ['nemo/#'], secret: SECRET })
  t.teardown(() => subscriber.stop())
  const options = laboratory.options({
    brokerPort: proxy.port,
    settings: { use_hmac: true, hmac_secret_key: SECRET, log_level: 'DEBUG' },
  })
  const service = await laboratory.start(options)

  await sql('alter table "NEMO_tool" alter id type bigint; alter table "NEMO_task" alter tool_id type bigint')
  await sql('alter table "NEMO_usageevent" alter tool_id type bigint')
  await sql(`insert into "NEMO_user" (id, username, first_name, last_name) values (901, '', '', '')`)
  for (const [id, name] of Object.entries(NAMES)) {
    await sql(`insert into "NEMO_tool" (id, name) values (${id}, ${literal(name)})`)
  }
  await sql(`insert into "NEMO_usageevent" (id, operator_id, project_id, tool_id, user_id)
             values (901, 901, 1, ${LARGE}, 901)`)
  await sql(`insert into "NEMO_task" (creator_id, tool_id, problem_description)
             values (901, 902, repeat('too long ', 20000)), (901, 902, ${literal('𝔘 fits')})`)
  await sql(`update "NEMO_tool" set category = 'the last word' where id = 902`)

  await subscriber.waitFor(({ payload }) => payload.includes('the last word'), 30_000)
  const events = subscriber.messages.filter(({ topic }) => !topic.endsWith('/state'))
  const tools = events.filter(({ payload }) => payload.includes('"tool_created"'))
  t.strictSame(
    new Map(tools.map(({ topic, parsed }) => [topic, (parsed as { tool_name: string }).tool_name])),
    new Map(Object.entries(NAMES).map(([id, name]) => [`nemo/tools/${id}`, name])),
  )
  const usage = events.find(({ topic }) => topic === `nemo/tools/${LARGE}/start`)
  t.match(usage?.payload, `"tool_id":${LARGE},"tool_name":"a large id"`)
  t.equal(events.filter(({ topic }) => topic === 'nemo/tools/902/tasks').length, 1, 'the task that fits')
  t.strictSame(subscriber.faults, [], 'signed, all of them')
  t.equal(proxy.accepted, 1, 'the link never ended')

  await until(async () => (await leftOver(laboratory)).changeLog === 0, { what: 'an empty change log' })
  t.match(await leftOver(laboratory), { queue: 0, inFlight: 0, parked: 1, unmapped: 0 })
  const { code, output } = await runCli(['status'], serviceEnvironment(options))
  t.equal(code, 1, 'a parked message is something to look at')
  t.match(output, /nemo\/tools\/902\/tasks: the packet has \d+ bytes, the broker allows 100000/)
  const raw = service.lines.filter(({ level }) => level === 'raw')
  t.strictSame(raw, [], 'nothing was thrown, and no name broke a line of the log')
})

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
