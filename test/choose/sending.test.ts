import t from 'tap'
import { freePort } from '../../lab/port.ts'
import type { ReceivedMessage, Subscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { KEYS } from '../../src/queue/keys.ts'
import type { ServiceProcess } from '../fixtures/service.ts'
import { runHere } from '../messages/command.ts'
import { ConfiguredLaboratory, done, nothingThrown } from '../service/configured.ts'
import { delivered, withRedis } from '../service/laboratory.ts'

/** What a subscriber gets, and what it does not, while the settings change under a running service. */
t.setTimeout(180_000)

const lab = await ConfiguredLaboratory.open(t)
const { sql, redis } = lab.laboratory
const port = await freePort()
const variables = { ...lab.config.variables, NEMO_MQTT_REDIS_URL: redis.url }
const config = lab.config.with(variables)
const { seen } = await lab.fresh(t, 'log_messages=true')
// A child tool has no category of its own.
await sql(`update "NEMO_tool" set category = case id when 3 then 'Thermal' when 4 then 'Etching/Dry' when 6 then null
             else 'Metrology' end;
           delete from nemo_mqtt.change_log`)
const service = await lab.start(t, { settings: { http_port: port } })
await service.says('bridge', 'ok')

/** Changes settings of the configuration, and waits until the service has them. */
async function choose(...assignments: string[]): Promise<void> {
  const from = service.lines.length
  await lab.set(assignments)
  await inForce(service, from)
}

async function forget(...settings: string[]): Promise<void> {
  const from = service.lines.length
  await done(lab.config.unset('lab', settings))
  await inForce(service, from)
}

async function inForce({ lines }: ServiceProcess, from: number): Promise<void> {
  const isTold = (): boolean =>
    lines.slice(from).some(({ stage, msg }) => stage === 'configuration' && msg.startsWith('in force is'))
  await until(isTold, { what: 'the new settings' })
}

/** What arrives of some SQL, in order, until nothing of it is left anywhere; without what the bridge says of itself. */
async function arrivals(text: string, from: Subscriber = seen): Promise<ReceivedMessage[]> {
  const before = from.messages.length
  await sql(text)
  await delivered(lab.laboratory)
  // The broker gives messages to a subscriber in their order: with this one, those before it are there too.
  const token = `${Math.random()}`
  await from.client.publishAsync('end', token)
  await from.waitFor(({ topic, payload }) => topic === 'end' && payload === token)
  return from.messages.slice(before).filter(({ topic }) => topic !== 'end' && !/\/bridge\/(health|state)$/.test(topic))
}

const events = (messages: ReceivedMessage[]) => messages.map(({ parsed }) => (parsed as { event: string }).event)
const topics = (messages: ReceivedMessage[]) => messages.map(({ topic }) => topic)
const idOf = ({ parsed }: ReceivedMessage) => (parsed as { event_id: string }).event_id

const DOWN_AND_RENAMED = `update "NEMO_tool" set operational = not operational, name = name || '.' where id = 4`
const USAGE = (tool: number) =>
  `insert into "NEMO_usageevent" (operator_id, project_id, tool_id, user_id) values (3, 1, ${tool}, 4)`

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
}

t.test('an event that is left out never arrives; what is left of its change keeps its event_id', async (t) => {
  const all = await arrivals(DOWN_AND_RENAMED)
  t.strictSame(events(all), ['tool_updated', 'tool_disabled'])
  t.match(all.map(idOf), [/-0$/, /-1$/])
  await choose('event_filter=*, !tool_updated, !task_*')
  const rest = await arrivals(DOWN_AND_RENAMED)
  t.strictSame(events(rest), ['tool_enabled'])
  t.match(rest.map(idOf), [/-1$/], 'as if nothing had been left out')
  t.equal(await metric('nemo_mqtt_events_filtered_total'), 1)
  t.equal(await metric('nemo_mqtt_changes_silent_total'), 0, 'the change was told in part')
  t.strictSame(
    await arrivals(`insert into "NEMO_task" (tool_id, creator_id, problem_description, urgency, safety_hazard,
    force_shutdown, creation_time) values (4, 3, 'x', 0, false, true, now())`),
    [],
  )
  t.equal(await metric('nemo_mqtt_events_filtered_total'), 3, 'created and shutdown')
  t.equal(await metric('nemo_mqtt_changes_silent_total'), 1)
  const logged = async () =>
    await sql(`select reason from nemo_mqtt.message_log where tbl = 'NEMO_task' and outcome = 'silent'`)
  await until(async () => (await logged()).length === 1, { what: 'the row of the message log' })
  t.strictSame(await logged(), [{ reason: 'left out by event_filter: !task_*' }])
  const explained = await runHere(['explain', 'task', '1'], variables)
  t.match(explained.stdout, /silent {5}left out by event_filter: !task_\*/)
  await forget('event_filter')
  t.strictSame(events(await arrivals(DOWN_AND_RENAMED)), ['tool_updated', 'tool_disabled'])
})

t.test('explain tells of a change that waits what the filter will leave of it', async (t) => {
  await choose('event_filter=*, !tool_updated', 'topic_template={prefix}/{event}')
  service.freeze()
  try {
    await sql(DOWN_AND_RENAMED)
    const waiting = await runHere(['explain', 'tool', '4', '--limit', '1'], variables)
    t.match(
      waiting.stdout,
      /will become tool_enabled on nemo\/tool_enabled; tool_updated is left out by event_filter: !tool_updated/,
    )
  } finally {
    service.thaw()
  }
  await delivered(lab.laboratory)
  await forget('event_filter', 'topic_template')
})

t.test('tools by id and name, areas, and categories, which usages and problems have from their tools', async (t) => {
  await choose('tool_filter=4, Scanning*', 'area_filter=!Clean*')
  const some = await arrivals(`
    ${USAGE(1)}; ${USAGE(2)}; ${USAGE(4)};
    insert into "NEMO_areaaccessrecord" (customer_id, project_id, area_id) values (4, 1, 1), (4, 1, 2)`)
  t.strictSame(
    some.map(({ topic }) => topic.replace(/\d+$/, 'N')),
    ['nemo/tools/1/start', 'nemo/tools/4/start', 'nemo/area_access/N'],
  )
  await forget('tool_filter', 'area_filter')
  await choose('category_filter=etching*, Thermal')
  t.strictSame(topics(await arrivals(USAGE(6))), ['nemo/tools/6/start'], 'a child, whose parent nobody spoke of')
  const categories = await arrivals(`update "NEMO_usageevent" set "end" = now() where tool_id <> 6;
    update "NEMO_tool" set visible = not visible where id in (1, 3)`)
  t.strictSame(topics(categories), ['nemo/tools/4/end', 'nemo/tools/3'])
  await forget('category_filter')
  t.strictSame(topics(await arrivals('update "NEMO_tool" set visible = not visible where id = 2')), ['nemo/tools/2'])
})

t.test('topics of the laboratory’s own, live; the service’s own topics stay', async (t) => {
  await choose(
    'topic_template={prefix}/{kind}/{category}/{name}/{event}',
    'topic_overrides=tool_usage_* = use/{tool_id}; area_* = {prefix}/rooms/{name}',
  )
  const own = await arrivals(`update "NEMO_tool" set visible = not visible where id = 5; ${USAGE(3)};
    insert into "NEMO_areaaccessrecord" (customer_id, project_id, area_id) values (4, 1, 3)`)
  t.strictSame(topics(own), ['nemo/tools/Metrology/AFM_Profilometer/tool_updated', 'use/3', 'nemo/rooms/Yellow room'])
  t.match((await seen.waitFor(({ topic }) => topic === 'nemo/bridge/state')).payload, 'online')
  await forget('topic_template', 'topic_overrides')
  await choose('tool_topic_key=both')
  t.strictSame(
    topics(await arrivals(DOWN_AND_RENAMED)).map((topic) => topic.replaceAll('.', '')),
    ['nemo/tools/4-Plasma etcher', 'nemo/tools/4-Plasma etcher/disabled'],
  )
  await forget('tool_topic_key')
  t.strictSame(topics(await arrivals(DOWN_AND_RENAMED)), ['nemo/tools/4', 'nemo/tools/4/enabled'])
})

t.test('the names of a tool are whatever they are: the message arrives, and nothing is parked', async (t) => {
  await choose('topic_template={prefix}/{name}/{event}')
  for (const [name, level] of [
    ['bridge', 'nemo/bridge_/tool_updated'],
    ['$SYS/#', 'nemo/SYS__/tool_updated'],
    ['e\u0301tuve +\t', 'nemo/étuve _/tool_updated'],
    ['\uffff', 'nemo/_/tool_updated'],
    ['   ', 'nemo/5/tool_updated'],
  ]) {
    t.strictSame(topics(await arrivals(`update "NEMO_tool" set name = '${name}' where id = 5`)), [level])
  }
  await forget('topic_template')
})

t.test('a wrong setting changes nothing, and says what is meant', async (t) => {
  t.match(await lab.config.set('lab', ['event_filter=*, !tool_enable']), {
    code: 2,
    notes: /event_filter of configuration "lab": there is no event tool_enable; do you mean tool_enabled\?/,
  })
  t.match(await lab.config.set('lab', ['topic_template={prefix}/bridge/{id}']), {
    code: 2,
    notes: /below nemo\/bridge/,
  })
  t.strictSame(topics(await arrivals(DOWN_AND_RENAMED)), ['nemo/tools/4', 'nemo/tools/4/disabled'])
})

t.test('preview: of the last messages, by a configuration that is not enabled', async (t) => {
  await done(lab.config.create('new', ['event_filter=!tool_updated', 'topic_template={prefix}/{category}/{event}']))
  const { text, code } = await config.preview('new')
  t.equal(code, 0)
  t.match(text, /left out {2}nemo\/tools\/4\n {10}left out by event_filter: !tool_updated\n/)
  t.match(text, /sent {6}nemo\/tools\/4\/disabled -> nemo\/Etching_Dry\/tool_disabled\n {10}\{"event":"tool_disabled"/)
  await done(lab.config.set('new', ['privacy=true']))
  const json = JSON.parse((await config.preview('new', true)).text) as Array<Record<string, string>>
  t.ok(json.length >= 2 && json.every(({ payload }) => !/Lindqvist|Zhang/.test(payload ?? '')))
  await withRedis(redis, (client) => client.del(KEYS.monitor))
  const samples = await config.preview()
  t.match(samples, { notes: /samples/, text: /sent {6}nemo\/tools\/5\/start\n {10}\{"event":"tool_usage_start"/ })
  t.match(await config.preview('nobody'), { code: 2 })
  nothingThrown(t, service)
})
