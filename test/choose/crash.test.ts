import pg from 'pg'
import t, { type Test } from 'tap'
import { freePort } from '../../lab/port.ts'
import type { Subscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { peekOrigin } from '../../src/queue/entry.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { ConfiguredLaboratory, nothingThrown } from '../service/configured.ts'
import { delivered, leftOver, withRedis } from '../service/laboratory.ts'

/** A filter changes while the service is dead, and what was under way is in every state in which it can be. */
t.setTimeout(180_000)

const lab = await ConfiguredLaboratory.open(t)
const { sql, redis, databaseUrl, broker } = lab.laboratory

// Three changes: two events, then one, then one.
const CHANGES = [
  `update "NEMO_tool" set name = name || '.', operational = false where id = 1`,
  `insert into "NEMO_task" (tool_id, creator_id, problem_description, urgency, safety_hazard, force_shutdown,
     creation_time) values (2, 3, 'x', 0, false, false, now())`,
  `update "NEMO_tool" set visible = not visible where id = 3`,
]

/** Names and indexes of the events that arrived, tool by tool, each in its order; not what the bridge says of itself. */
function events({ messages }: Subscriber): string[] {
  return messages
    .map(({ parsed }) => (parsed ?? {}) as { event?: string; event_id?: string; tool_id?: number })
    .filter(({ event }) => event !== undefined)
    .sort((one, other) => (one.tool_id ?? 0) - (other.tool_id ?? 0))
    .map(({ event, event_id }) => `${event} ${event_id?.split('-').at(-1)}`)
}

/** Entries of ours in Redis; the pulse is none. */
async function entries(): Promise<number> {
  const texts = await withRedis(redis, async (client) => [
    ...(await client.lrange(KEYS.queue, 0, -1)),
    ...(await client.lrange(KEYS.inFlight, 0, -1)),
  ])
  return texts.filter((text) => peekOrigin(text) !== null).length
}

/** The changes are in Redis as this filter wants them, nothing was delivered, and the service is dead. */
async function killed(t: Test, filter: string, queued: number, locked = false): Promise<Subscriber> {
  const { seen } = await lab.fresh(t, `event_filter=${filter}`)
  await sql(
    `update "NEMO_tool" set operational = true where id = 1; delete from "NEMO_task"; delete from nemo_mqtt.change_log`,
  )
  const way = await lab.proxy(t)
  await lab.set([`broker_port=${way.port}`])
  const port = await freePort()
  const service = await lab.start(t, { settings: { http_port: port } })
  await service.says('bridge', 'ok')
  await way.refuse()
  way.reset()
  await service.says('broker', 'failing')
  service.freeze() // so that all of them are there before the first is read
  for (const change of CHANGES) await sql(change)
  const holder = new pg.Client({ connectionString: databaseUrl })
  await holder.connect()
  t.teardown(() => holder.end())
  // Nothing can be deleted meanwhile: what was left out is as if the service had died just before.
  if (locked) await holder.query('begin; lock table nemo_mqtt.change_log in share mode')
  service.thaw()
  const isFiltered = async (): Promise<boolean> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    return Number(/^nemo_mqtt_events_filtered_total (\d+)$/m.exec(text)?.[1]) >= 4 - queued
  }
  const isQueued = async (): Promise<boolean> => (await entries()) === queued && (await isFiltered())
  await until(isQueued, { what: `${queued} entries in Redis` })
  await service.kill()
  // PostgreSQL would carry the deletion out, though nobody is there any more who asked for it.
  await holder.query(`select pg_terminate_backend(pid) from pg_locks
                       where not granted and relation = 'nemo_mqtt.change_log'::regclass`)
  await holder.query('rollback')
  t.strictSame(events(seen), [])
  await lab.set([`broker_port=${broker.port}`])
  return seen
}

/** Starts the service with another filter, and waits until nothing is left. */
async function goesOn(t: Test, filter: string): Promise<void> {
  await lab.set([`event_filter=${filter}`])
  const service = await lab.start(t)
  await delivered(lab.laboratory)
  nothingThrown(t, service)
  await service.kill()
}

t.test('what is in Redis is delivered, though the new filter would leave it out', async (t) => {
  const seen = await killed(t, '*', 4)
  await goesOn(t, '!tool_updated')
  await seen.waitFor(({ payload }) => payload.includes('"tool_id":3'))
  t.strictSame(events(seen), ['tool_updated 0', 'tool_disabled 1', 'task_created 0', 'tool_updated 0'])
})

t.test('Redis came back empty: the new filter decides, under the same event_id', async (t) => {
  const seen = await killed(t, '*', 4)
  await withRedis(redis, (client) => client.flushdb())
  await goesOn(t, '!tool_updated, !task_*')
  await seen.waitFor(({ payload }) => payload.includes('tool_disabled'))
  t.strictSame(events(seen), ['tool_disabled 1'])
})

t.test('Redis came back empty, and the new filter leaves nothing: nothing is stuck', async (t) => {
  const seen = await killed(t, '*', 4)
  await withRedis(redis, (client) => client.flushdb())
  await goesOn(t, 'area_*')
  t.strictSame(events(seen), [])
})

t.test('what was left out and not yet deleted is sent when the new filter wants it, once and in order', async (t) => {
  const seen = await killed(t, '!task_*, !tool_enabled, !tool_disabled', 2, true)
  t.match(await leftOver(lab.laboratory), { changeLog: 3 })
  await goesOn(t, '*')
  await seen.waitFor(({ payload }) => payload.includes('"tool_id":3'))
  t.strictSame(
    events(seen),
    ['tool_updated 0', 'task_created 0', 'tool_updated 0'],
    'of the first one the entry counts',
  )
})

t.test('what stands behind a change that was left out is looked at again, and the new filter decides', async (t) => {
  const seen = await killed(t, '!task_*', 3, true)
  await goesOn(t, '!task_*, !tool_updated')
  await seen.waitFor(({ payload }) => payload.includes('tool_disabled'))
  t.strictSame(events(seen), ['tool_updated 0', 'tool_disabled 1'])
})
