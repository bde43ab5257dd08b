import t, { type Test } from 'tap'
import { type Subscriber, startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { display, type Shown } from '../fixtures/display.ts'
import { type Laboratory, openLaboratory } from '../service/laboratory.ts'

const SECRET = 'lab secret'
const SIGNED = { use_hmac: true, hmac_secret_key: SECRET }

t.setTimeout(180_000)

/** A display server that has just been switched on: it subscribes to what the real one does. */
async function switchedOn(t: Test, { broker: { url, protocol } }: Laboratory): Promise<Subscriber> {
  const subscriber = await startSubscriber({ url, protocol, topics: ['nemo/tools/+/+', 'nemo/tools/overall'] })
  t.teardown(() => subscriber.stop())
  return subscriber
}

function shown(subscriber: Subscriber, tool: number): Shown | undefined {
  return subscriber.messages
    .filter(({ topic }) => topic.startsWith(`nemo/tools/${tool}/`))
    .map(({ topic, raw }) => display(topic, raw, SECRET))
    .findLast((one) => one !== undefined)
}

for (const dialect of ['documented', 'plugin'] as const) {
  t.test(`a display that reads the topic alone shows what is, whatever comes last: ${dialect}`, async (t) => {
    const laboratory = await openLaboratory(t)
    const { sql } = laboratory
    await sql(`update "NEMO_tool" set operational = true where id in (1, 2)`)
    await laboratory.start({ settings: { ...SIGNED, dialect, display_prefix: 'nemo' } })
    const screen = await switchedOn(t, laboratory)
    const shows = async (state: Shown['state'], user = ''): Promise<void> => {
      const isRight = (): boolean => shown(screen, 1)?.state === state && shown(screen, 1)?.user === user
      await until(isRight, { what: `tool 1 ${state} ${user}`, deadlineMs: 20_000 })
    }
    const start = `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start) values (1, 1, 1, 1, now())`
    const end = `update "NEMO_usageevent" set "end" = now(), has_ended = id where tool_id = 1 and "end" is null`
    const [{ user } = {}] = await sql(`select first_name || ' ' || last_name as user from "NEMO_user" where id = 1`)
    await shows('available')
    await sql(start)
    await shows('active', String(user))
    t.not(shown(screen, 1)?.since.getTime(), Number.NaN)

    // Shut down under its user: the end of the usage comes last, and the tool is not free.
    await sql(`update "NEMO_tool" set operational = false where id = 1`)
    await sql(end)
    await shows('off')
    // What was under way has come: this one is behind it, and the tool is still shown as it is.
    await sql(`update "NEMO_tool" set operational = false where id = 2`)
    await until(() => shown(screen, 2)?.state === 'off', { what: 'the other tool off' })
    await shows('off')

    await sql(`update "NEMO_tool" set operational = true where id = 1`)
    await shows('available')
    await sql(start)
    await shows('active', String(user))
    // Down and up again while it is in use: that it works comes last, and it is not free.
    await sql(`update "NEMO_tool" set operational = false where id = 1`)
    await sql(`update "NEMO_tool" set operational = true where id = 1`)
    await sql(`update "NEMO_tool" set operational = true where id = 2`)
    await until(() => shown(screen, 2)?.state === 'available', { what: 'the other tool available' })
    await shows('active', String(user))

    const later = await switchedOn(t, laboratory)
    await later.waitFor(({ topic }) => topic === 'nemo/tools/overall')
    await until(() => shown(later, 2)?.state === 'available', { what: 'all of it for one that comes later' })
    t.match(shown(later, 1), { state: 'active', user })
    const topics = later.messages.map(({ topic }) => topic).filter((topic) => topic.startsWith('nemo/tools/1/'))
    t.strictSame([...new Set(topics)], ['nemo/tools/1/start'], 'one retained message a tool')
  })
}

t.test('with privacy no name; below a prefix of their own; switched off, nothing is left', async (t) => {
  const laboratory = await openLaboratory(t)
  const { sql, broker } = laboratory
  await sql(
    `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start) values (1, 1, 1, 1, now())`,
  )
  const service = await laboratory.start({ settings: { display_prefix: '/wall/', privacy: true } })
  const all = await startSubscriber({ url: broker.url, protocol: broker.protocol, topics: ['#'] })
  t.teardown(() => all.stop())
  const { parsed } = await all.waitFor(({ topic }) => topic === 'wall/tools/1/start', 20_000)
  t.match(parsed, { display: 'in_use', tool_id: 1, user_name: '' })
  await all.waitFor(({ topic }) => topic === 'wall/tools/overall')
  t.notOk(all.messages.some(({ topic }) => topic.startsWith('nemo/tools/')))
  await sql('update "NEMO_usageevent" set "end" = now(), has_ended = id where tool_id = 1 and "end" is null')
  const free = await all.waitFor(({ topic }) => topic === 'wall/tools/1/idle')
  const emptied = await all.waitFor(({ topic, raw }) => topic === 'wall/tools/1/start' && raw === '')
  t.ok(all.messages.indexOf(emptied) < all.messages.indexOf(free), 'what comes last is the present')
  await service.stop()
  await laboratory.start()
  await all.waitFor(({ topic, raw }) => topic === 'wall/tools/overall' && raw === '', 20_000)
  const retained = new Map(all.messages.map(({ topic, raw }) => [topic, raw]))
  t.strictSame(
    [...retained].filter(([topic, raw]) => topic.startsWith('wall/') && raw !== ''),
    [],
  )
})
