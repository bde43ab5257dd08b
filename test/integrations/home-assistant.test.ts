import mqtt from 'mqtt'
import t from 'tap'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { openLaboratory } from '../service/laboratory.ts'
import { HomeAssistant, reasonToSkip } from './home-assistant.ts'

t.setTimeout(600_000)

const ODD = 'Ångström E-beam #2.1 / (old)'

t.test(
  'the real Home Assistant finds every tool as a device, and keeps up with it',
  { skip: reasonToSkip() },
  async (t) => {
    const laboratory = await openLaboratory(t)
    const { broker, sql } = laboratory
    await sql(`update "NEMO_tool" set name = '${ODD}' where id = 1`)
    const discovery = await startSubscriber({ url: broker.url, topics: ['homeassistant/#'] })
    t.teardown(() => discovery.stop())
    const settings = { home_assistant: true }
    const service = await laboratory.start({ settings })
    const home = await HomeAssistant.start(t, broker.port)

    await home.says(`${ODD} In use`, 'off')
    await home.says(`${ODD} User`, 'None')
    await home.says('NEMO Connection', 'on')
    const count = home.devices().length
    t.equal(
      count,
      1 +
        Number(
          (await sql(`select count(*)::int as n from "NEMO_tool" where visible and parent_tool_id is null`))[0]?.n,
        ),
    )

    await sql(
      `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start) values (1, 1, 1, 1, '2026-01-02T03:04:05Z')`,
    )
    await home.says(`${ODD} In use`, 'on')
    const [user] = await sql('select first_name, last_name from "NEMO_user" where id = 1')
    await home.says(`${ODD} User`, `${user?.first_name} ${user?.last_name}`)
    await home.says(`${ODD} In use since`, '2026-01-02T03:04:05+00:00')
    await sql('update "NEMO_tool" set operational = false where id = 1')
    await home.says(`${ODD} Operational`, 'off')
    await home.says('NEMO Tools in use', '1')
    await home.says('NEMO Tools down', '1')

    t.comment('C130 a state is never longer than Home Assistant takes; the whole text is in the attributes')
    const text = `${'x'.repeat(254)}😀${'y'.repeat(1_800)}`
    await sql(`insert into "NEMO_task" (tool_id, creator_id, problem_description, urgency, force_shutdown, safety_hazard, cancelled, resolved, creation_time)
             values (1, 1, '${text}', 0, false, false, false, false, now())`)
    const problem = await home.says(`${ODD} Problem reported`, (entity) => entity?.state.startsWith('xxx') === true)
    t.ok([...problem.state].length <= 255 && problem.state.isWellFormed(), `${problem.state.length} characters`)
    t.equal(problem.attributes.problem, text)
    await home.says(`${ODD} Problem`, 'on')

    t.comment('a new name is the same device')
    await sql(`update "NEMO_tool" set name = 'Microscope' where id = 1`)
    await home.says('Microscope In use', 'on')
    t.equal(home.devices().length, count)

    t.comment('C128 what is deleted while nobody looks is gone afterwards')
    await service.stop()
    await home.says('Microscope In use', 'unavailable')
    const [fresh] = await sql(
      `insert into "NEMO_tool" (name, visible, operational) values ('Stepper', true, true) returning id`,
    )
    const again = await laboratory.start({ settings })
    await home.says('Stepper In use', 'off')
    await home.says('Microscope In use', 'on')
    await again.stop()
    await sql(`delete from "NEMO_tool" where id = ${fresh?.id}`)
    const signed = await laboratory.start({
      settings: { ...settings, use_hmac: true, hmac_secret_key: 'a secret for all' },
    })
    await home.says('Stepper In use', (entity) => entity === undefined)

    t.comment('with signing on the envelope is opened')
    await home.says('Microscope In use', 'on')
    await home.says('NEMO Connection', 'on')
    await sql(`update "NEMO_usageevent" set "end" = now() where "end" is null`)
    await home.says('Microscope In use', 'off')

    t.comment('when Home Assistant says that it has started, it is told again')
    const client = await mqtt.connectAsync(broker.url)
    t.teardown(() => client.endAsync(true))
    const before = discovery.messages.length
    await client.publishAsync('homeassistant/status', 'online', { qos: 1 })
    await until(() => discovery.messages.length >= before + count, {
      what: 'all devices once more',
      deadlineMs: 10_000,
    })

    t.comment('C128 switched off, all of ours is gone, and nothing of others')
    await client.publishAsync(
      'homeassistant/sensor/of_somebody_else/config',
      '{"name":"other","state_topic":"x","unique_id":"o"}',
      { qos: 1, retain: true },
    )
    await signed.stop()
    await laboratory.start({ settings: { publish_state: true } })
    await home.says('Microscope In use', (entity) => entity === undefined)
    await until(() => home.devices().length === 0, { what: 'no device to be left', deadlineMs: 20_000 })
    const left = await startSubscriber({ url: broker.url, topics: ['homeassistant/+/+/config'] })
    t.teardown(() => left.stop())
    await left.waitFor(1)
    t.strictSame(
      left.messages.map(({ topic }) => topic),
      ['homeassistant/sensor/of_somebody_else/config'],
    )
  },
)
