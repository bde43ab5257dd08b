import pg from 'pg'
import t, { type Test } from 'tap'
import { type Subscriber, startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import type { ToolStateMessage } from '../../src/retain/messages.ts'
import { runCli, serviceEnvironment } from '../fixtures/service.ts'
import { type Laboratory, openLaboratory } from '../service/laboratory.ts'

t.setTimeout(240_000)

/** Everything that is retained now, as a subscriber finds it that has just come: topic to JSON, empty when emptied. */
async function retained(t: Test, laboratory: Laboratory, topics = ['nemo/#']): Promise<Subscriber> {
  const { url, protocol } = laboratory.broker
  const subscriber = await startSubscriber({ url, protocol, topics })
  t.teardown(() => subscriber.stop())
  return subscriber
}

/** The last that a subscriber was told on a topic; undefined when it was emptied, or nothing came. */
function last<T>(subscriber: Subscriber, topic: string): T | undefined {
  const message = subscriber.messages.findLast((one) => one.topic === topic)
  return message === undefined || message.raw === '' ? undefined : (message.parsed as T)
}

const states = (subscriber: Subscriber): string[] =>
  [...new Set(subscriber.messages.filter(({ raw }) => raw !== '').map(({ topic }) => topic))].filter((topic) =>
    /state$|overall$/.test(topic),
  )

const STATE = 'nemo/tools/1/state'

/** Locks a table until the connection that it gives is ended. */
async function locked(t: Test, url: string, table: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  await client.connect()
  t.teardown(() => client.end())
  await client.query(`begin; lock table ${table} in access exclusive mode`)
  return client
}

t.test('a new subscriber has every state at once, and each change of it', async (t) => {
  const laboratory = await openLaboratory(t)
  const { sql, subscriber } = laboratory
  await laboratory.start({ settings: { publish_state: true } })
  await subscriber.waitFor(({ topic }) => topic === 'nemo/tools/overall', 20_000)
  const [{ tools, areas } = {}] = await sql(
    'select (select count(*)::int from "NEMO_tool") as tools, (select count(*)::int from "NEMO_area") as areas',
  )
  const count = Number(tools) + Number(areas) + 2 // tools/overall, bridge/state
  await until(() => states(subscriber).length === count, { what: 'all states', deadlineMs: 10_000 })
  const fresh = await retained(t, laboratory)
  const since = performance.now()
  await until(() => states(fresh).length === count, { what: 'all states for a new subscriber', deadlineMs: 10_000 })
  t.comment(`${count} states after ${Math.round(performance.now() - since)} ms`)
  t.match(last(fresh, STATE), { tool_id: 1, in_use: false, operational: true, event_id: null })

  const started = performance.now()
  await sql(
    `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start) values (1, 1, 2, 1, now())`,
  )
  await until(() => last<ToolStateMessage>(fresh, STATE)?.in_use === true, {
    what: 'in use',
    deadlineMs: 10_000,
    everyMs: 5,
  })
  t.comment(`in use after ${Math.round(performance.now() - started)} ms`)
  const event = await subscriber.waitFor(({ topic }) => topic === 'nemo/tools/1/start')
  const { event_id, user_name, start_time } = event.parsed as Record<string, string>
  // It names the event that made it so, as soon as that is delivered.
  await until(() => last<ToolStateMessage>(fresh, STATE)?.event_id === event_id, { what: 'the id of the event' })
  t.match(last(fresh, STATE), { user_name, since: start_time })
  await until(() => last<{ in_use: number }>(fresh, 'nemo/tools/overall')?.in_use === 1, { what: 'the overall state' })
  await sql(`update "NEMO_usageevent" set "end" = now() + interval '2 seconds' where "end" is null`)
  await until(() => last<ToolStateMessage>(fresh, STATE)?.delayed_logoff_until != null, {
    what: 'a delayed log-off',
    deadlineMs: 10_000,
  })
  const until_ = Date.parse(String(last<ToolStateMessage>(fresh, STATE)?.delayed_logoff_until))
  await until(() => last<ToolStateMessage>(fresh, STATE)?.delayed_logoff_until === null, {
    what: 'its end',
    deadlineMs: 5_000,
    everyMs: 5,
  })
  t.ok(Date.now() >= until_ - 50, 'not before the clock')
  t.comment(`told ${Date.now() - until_} ms after the clock`)
})

t.test('what is deleted is emptied, also when it was deleted while nobody looked', async (t) => {
  const laboratory = await openLaboratory(t)
  const { sql, subscriber } = laboratory
  const [tool] = await sql(
    `insert into "NEMO_tool" (name, visible, operational) values ('short-lived', true, true) returning id`,
  )
  const [other] = await sql(
    `insert into "NEMO_tool" (name, visible, operational) values ('another', true, true) returning id`,
  )
  const service = await laboratory.start({ settings: { publish_state: true } })
  const topics = [tool, other].map((row) => `nemo/tools/${row?.id}/state`)
  await until(() => topics.every((topic) => last(subscriber, topic) !== undefined), {
    what: 'both states',
    deadlineMs: 20_000,
  })
  await sql(`delete from "NEMO_tool" where id = ${tool?.id}`)
  await subscriber.waitFor(({ topic, raw }) => topic === topics[0] && raw === '')
  await service.stop()
  await sql(`delete from "NEMO_tool" where id = ${other?.id}`)
  await laboratory.start({ settings: { publish_state: true } })
  await subscriber.waitFor(({ topic, raw }) => topic === topics[1] && raw === '', 20_000)
  const fresh = await retained(t, laboratory)
  await fresh.waitFor(({ topic }) => topic === 'nemo/tools/overall')
  for (const topic of topics) t.equal(last(fresh, topic), undefined, topic)
})

t.test(
  'a broker that has lost its memory is told again; a prefix that changes, and a switch that is turned off, leave nothing',
  async (t) => {
    const laboratory = await openLaboratory(t)
    const { broker, sql, subscriber } = laboratory
    const service = await laboratory.start({ settings: { publish_state: true } })
    await subscriber.waitFor(({ topic }) => topic === STATE, 20_000)
    await broker.kill()
    await sql(`update "NEMO_tool" set operational = false where id = 1`)
    await broker.start()
    const after = await retained(t, laboratory)
    await until(() => last<ToolStateMessage>(after, STATE)?.operational === false, {
      what: 'the state after the restart',
      deadlineMs: 20_000,
    })
    await until(() => states(after).length > 5, { what: 'the others', deadlineMs: 5_000 })

    await service.stop()
    const other = await laboratory.start({ settings: { publish_state: true, topic_prefix: 'other' } })
    const all = await retained(t, laboratory, ['#'])
    await until(() => last(all, 'other/tools/1/state') !== undefined && last(all, STATE) === undefined, {
      what: 'the move',
      deadlineMs: 20_000,
    })
    const count = states(all).filter((topic) => topic.startsWith('nemo/tools')).length
    const left = (topic: RegExp): string[] =>
      states(all).filter((one) => topic.test(one) && last(all, one) !== undefined)
    await until(() => left(/^nemo\/(tools|areas)/).length === 0, {
      what: `nothing to be left of ${count}`,
      deadlineMs: 10_000,
    })

    await other.stop()
    await laboratory.start({ settings: { topic_prefix: 'other' } })
    await until(() => left(/^other\/(tools|areas)/).length === 0, { what: 'nothing to be left', deadlineMs: 20_000 })
    const known = async (): Promise<number> =>
      Number((await sql('select count(*)::int as n from nemo_mqtt.retained_topic'))[0]?.n)
    await until(async () => (await known()) === 0, { what: 'no topic to be known any more' })
  },
)

t.test('with signing on, states are signed too, and who is inside is told only if allowed', async (t) => {
  const laboratory = await openLaboratory(t)
  const { broker, sql } = laboratory
  await sql(`insert into "NEMO_areaaccessrecord" (area_id, customer_id, project_id, start) values (1, 1, 1, now())`)
  const secret = 'a secret of the laboratory'
  const settings = { publish_state: true, use_hmac: true, hmac_secret_key: secret }
  const service = await laboratory.start({ settings })
  const signed = await startSubscriber({ url: broker.url, topics: ['nemo/#'], secret })
  t.teardown(() => signed.stop())
  await signed.waitFor(({ topic }) => topic === 'nemo/areas/1/state', 20_000)
  t.strictSame(signed.faults, [])
  t.match(last(signed, 'nemo/areas/1/state'), { occupancy: 1, people: null })
  await service.stop()
  await laboratory.start({ settings: { ...settings, state_people: true } })
  await until(() => last<{ people: unknown }>(signed, 'nemo/areas/1/state')?.people !== null, {
    what: 'people',
    deadlineMs: 20_000,
  })
  t.match(last(signed, 'nemo/areas/1/state'), { people: [{ user_name: /\w/, since: /Z$/ }] })
})

t.test('a new start with a stored configuration takes nothing back for a moment', async (t) => {
  const laboratory = await openLaboratory(t)
  const { databaseUrl } = laboratory
  const environment = serviceEnvironment(laboratory.options({ databaseUrl }))
  const assignments = ['publish_state=true', 'home_assistant=true']
  t.equal((await runCli(['config', 'create', 'lab', ...assignments], environment)).code, 0)
  t.equal((await runCli(['config', 'enable', 'lab'], environment)).code, 0)
  const all = await retained(t, laboratory, ['nemo/#', 'homeassistant/#'])
  const isTold = (from: number): boolean => {
    const topics = new Set(all.messages.slice(from).map(({ topic }) => topic))
    return topics.has('nemo/tools/overall') && [...topics].some((topic) => topic.startsWith('homeassistant/device/'))
  }
  const first = await laboratory.start()
  await until(() => isTold(0), { what: 'states and devices', deadlineMs: 20_000 })
  await first.stop()
  const from = all.messages.length
  // The settings are late, and the state is later still: until both are known nothing must be decided.
  const [settings, tools] = [
    await locked(t, databaseUrl, 'nemo_mqtt.configuration'),
    await locked(t, databaseUrl, '"NEMO_tool"'),
  ]
  const service = await laboratory.start()
  await service.says('schema', 'ok')
  await settings.end()
  await service.says('broker', 'ok')
  await service.logged(({ msg }) => msg.includes('the state of the tools cannot be read'), 'the state that is late')
  await tools.end()
  await until(() => isTold(from), { what: 'states and devices once more', deadlineMs: 20_000 })
  t.strictSame(
    all.messages.filter(({ raw }) => raw === '').map(({ topic }) => topic),
    [],
    'Home Assistant would delete what it shows',
  )
})
