import t from 'tap'
import { until } from '../../lab/wait.ts'
import { ConfiguredLaboratory, done, nothingThrown } from './configured.ts'
import { delivered } from './laboratory.ts'

t.setTimeout(180_000)

t.test('an outage is told by default, what is personal when it is switched on, and nobody with privacy', async (t) => {
  const lab = await ConfiguredLaboratory.open(t)
  const { sql } = lab.laboratory
  const { seen } = await lab.fresh(t, 'log_messages=true')
  const service = await lab.start(t)
  await service.says('bridge', 'ok')
  const told = async (text: string) => {
    const from = seen.messages.length
    await sql(text)
    await delivered(lab.laboratory)
    const token = `${Math.random()}`
    await seen.client.publishAsync('end', token)
    await seen.waitFor(({ payload }) => payload === token)
    return seen.messages.slice(from).filter(({ topic }) => !/^end$|\/bridge\//.test(topic))
  }
  const choose = async (...assignments: string[]) => {
    const from = service.lines.length
    await lab.set(assignments)
    const isInForce = () => service.lines.slice(from).some(({ msg }) => msg.startsWith('in force is'))
    await until(isInForce, { what: 'the new settings' })
  }
  await sql(`insert into "NEMO_consumable" (name) values ('Gloves')`)
  const outage = await told(`insert into "NEMO_scheduledoutage" (title, start, "end", creator_id, tool_id)
    values ('Pump', now(), now() + interval '1 h', 1, 4)`)
  t.match(outage, [
    { topic: 'nemo/outages/1', parsed: { event: 'outage_scheduled', title: 'Pump', tool_id: 4, tool_name: /\w/ } },
  ])

  // Locked by the service's role, which may not read more of tools than it needs.
  const interlock = await told(`insert into "NEMO_interlock" (card_id, state) values (1, 2);
    update "NEMO_tool" set interlock_id = 1 where id = 4;
    update "NEMO_interlock" set state = 1 where id = 1`)
  t.match(interlock, [{ topic: 'nemo/interlocks/1', parsed: { state_name: 'unlocked', tool_id: 4, tool_name: /\w/ } }])

  const personal = `
    insert into "NEMO_toolwaitlist" (tool_id, user_id) values (4, 4);
    insert into "NEMO_consumablewithdraw" (quantity, consumable_id, customer_id, merchant_id, project_id)
      values (2, 1, 4, 3, 1);
    insert into "NEMO_alert" (contents, user_id) values ('Call me', 4);
    update "NEMO_user" set is_active = not is_active where id = 4`
  t.strictSame(await told(personal), [])
  const silent = async () =>
    await sql(
      `select tbl from nemo_mqtt.message_log where outcome = 'silent' and reason ~ 'personal_events' order by 1`,
    )
  await until(async () => (await silent()).length === 4, { what: 'the reasons in the message log' })

  await choose('personal_events=wait_list_*, consumable_*, user_*')
  const some = await told(personal)
  t.match(
    some.map(({ topic, parsed }) => ({ topic, parsed })),
    [
      { topic: 'nemo/tools/4/wait_list', parsed: { event: 'wait_list_entered', user_id: 4 } },
      { topic: 'nemo/consumables/1', parsed: { event: 'consumable_withdrawn', consumable_name: 'Gloves', user_id: 4 } },
      { topic: 'nemo/users/active', parsed: { event: 'user_activated', user_id: 4, username: /\w/ } },
    ],
  )
  await choose('personal_events=*_*', 'privacy=true')
  const hidden = await told(personal)
  t.equal(hidden.length, 4)
  const [{ username } = { username: '' }] = await sql('select username from "NEMO_user" where id = 4')
  for (const { payload } of hidden) {
    const { user_id, user_name } = JSON.parse(payload) as Record<string, unknown>
    t.strictSame({ user_id, user_name }, { user_id: null, user_name: null })
    t.notMatch(payload, new RegExp(`${username}|Call me`))
  }
  t.match(await lab.config.set('lab', ['personal_events=user_gone, tool_*']), {
    code: 2,
    notes: /user_gone.*tool_\* is no/s,
  })
  nothingThrown(t, service)
  await done(lab.config.unset('lab', ['privacy']))
})
