import pg from 'pg'
import t, { type Test } from 'tap'
import { startProxy } from '../../lab/proxy.ts'
import { until } from '../../lab/wait.ts'
import type { Change, Row } from '../../src/change.ts'
import { createPool } from '../../src/db/pool.ts'
import { createLog } from '../../src/log.ts'
import { type StateMessage, StateWatch } from '../../src/state/state-watch.ts'
import { Traffic } from '../../src/traffic.ts'
import { startLab, type TestDatabase } from '../db/database.ts'
import { toolOf } from './laboratory.ts'

const lab = await startLab(t)

interface Rig {
  readonly db: TestDatabase
  readonly watch: StateWatch
  readonly messages: StateMessage[]
  readonly lines: string[]
  /** Tells the watch that a row has changed, as the listener does. */
  readonly changed: (table: string, row: Row) => void
  readonly subscribe: () => () => void
  /** Waits for a message, and gives it. */
  readonly told: <Is extends StateMessage['is']>(
    is: Is,
    deadlineMs?: number,
  ) => Promise<Extract<StateMessage, { is: Is }>>
}

async function startWatch(t: Test, url?: (db: TestDatabase) => string): Promise<Rig> {
  const db = await lab.captured()
  const lines: string[] = []
  const destination = { write: (line: string): void => void lines.push(line) }
  const pool = createPool(url?.(db) ?? db.url, () => undefined, 1)
  const traffic = new Traffic()
  const log = createLog({ level: 'INFO', secrets: () => [], destination })
  const watch = new StateWatch({ pool, traffic, log, nameFormat: async () => 'first_last' })
  const stop = new AbortController()
  const running = watch.run(stop.signal)
  t.teardown(async () => {
    stop.abort()
    await running
    await pool.end()
  })
  const messages: StateMessage[] = []
  return {
    db,
    watch,
    messages,
    lines,
    changed: (table, row) => {
      const change: Change = { id: '1', at: '', table, operation: 'UPDATE', old: row, new: row }
      traffic.read([change])
    },
    subscribe: () => watch.subscribe((message) => messages.push(message)),
    told: async (is, deadlineMs = 5_000) => {
      const find = (): StateMessage | undefined => messages.find((message) => message.is === is)
      const message = await until(find, { what: `${is} to be told`, deadlineMs, everyMs: 5 })
      messages.length = 0
      return message as never
    },
  }
}

const USE = `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id) values (1, 3, 3, 1)`

t.test('nobody asks PostgreSQL until somebody wants the state', async (t) => {
  const { db, told, subscribe } = await startWatch(t)
  const sessions = async (): Promise<number> =>
    (await db.sql(`select from pg_stat_activity where datname = current_database() and application_name = 'nemo-mqtt'`))
      .length
  t.equal(await sessions(), 0)
  subscribe()
  const { state } = await told('states')
  t.equal(state.tools.length, 6)
  t.equal(state.areas.length, 3)
  t.equal(await sessions(), 1)
})

t.test('a captured change is told within 300 ms, and only what differs', async (t) => {
  const { db, told, subscribe, changed, messages } = await startWatch(t)
  subscribe()
  await told('states')
  await db.sql(`${USE}; insert into "NEMO_areaaccessrecord" (area_id, customer_id, project_id) values (3, 3, 1)`)
  const began = performance.now()
  changed('NEMO_usageevent', { id: 1, tool_id: 1 })
  const { change } = await told('changed')
  const took = Math.round(performance.now() - began)
  t.comment(`told after ${took} ms`)
  t.ok(took < 300, `${took} ms`)
  t.strictSame(
    change.tools.map(({ tool_id, in_use }) => [tool_id, in_use]),
    [['1', true]],
  )
  t.strictSame(
    change.areas.map(({ area_id, occupancy }) => [area_id, occupancy]),
    [
      ['1', 1],
      ['3', 1],
    ],
  )
  changed('NEMO_tool', { id: 1 })
  await db.sql('delete from "NEMO_tool" where id = 5')
  const { change: gone } = await told('changed')
  t.strictSame([gone.tools, gone.gone_tools], [[], ['5']])
  t.strictSame(messages, [])
})

t.test('what no change was heard of is found by looking', async (t) => {
  const { db, told, subscribe } = await startWatch(t)
  subscribe()
  await told('states')
  await db.sql(USE)
  t.match((await told('changed', 4_000)).change.tools, [{ tool_id: '1', in_use: true }])
})

t.test('a delayed log-off, a reservation and an outage begin and end by the clock, on time', async (t) => {
  const { db, told, subscribe } = await startWatch(t)
  await db.sql(`insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, "end", has_ended)
      values (1, 3, 3, 1, now() + interval '1.1 seconds', 1);
    insert into "NEMO_reservation" (tool_id, creator_id, user_id, start, "end")
      values (2, 1, 4, now() + interval '1.5 seconds', now() + interval '1.9 seconds');
    insert into "NEMO_scheduledoutage" (tool_id, creator_id, title, start, "end")
      values (4, 1, 'x', now() - interval '1 hour', now() + interval '2.3 seconds')`)
  const [{ at = 0 } = {}] = await db.sql<{ at: number }>('select extract(epoch from now())::float * 1000 as at')
  subscribe()
  const { state } = await told('states')
  t.ok(toolOf(state, 1).delayed_logoff && toolOf(state, 2).next_reservation && toolOf(state, 4).outage)
  for (const [dueMs, expected] of [
    [1_100, { tool_id: '1', delayed_logoff: null }],
    [1_500, { tool_id: '2', next_reservation: null, reservation: { user_name: 'Wei Zhang' } }],
    [1_900, { tool_id: '2', reservation: null }],
    [2_300, { tool_id: '4', outage: null, ready_to_use: true }],
  ] as const) {
    const { change } = await told('changed')
    const late = Date.now() - at - dueMs
    t.match(change.tools, [expected])
    t.ok(late < 300, `${Math.round(late)} ms after its time`)
  }
})

t.test('while PostgreSQL cannot be reached that is said; afterwards all of it is told again', async (t) => {
  const proxy = await startProxy({ targetPort: lab.server.port })
  t.teardown(() => proxy.stop())
  const { db, told, subscribe, lines, messages, watch } = await startWatch(t, (db) => {
    const url = new URL(db.url)
    url.port = String(proxy.port)
    return url.href
  })
  subscribe()
  await told('states')
  await proxy.refuse()
  proxy.reset()
  t.match((await told('trouble')).why, /\w/)
  const late: StateMessage[] = []
  watch.subscribe((message) => late.push(message))
  t.match(late, [{ is: 'trouble' }], 'who comes now is told so too')
  await db.sql(USE)
  await proxy.pass()
  t.ok(toolOf((await told('states', 20_000)).state, 1).in_use)
  t.strictSame(messages, [])
  t.strictSame(
    lines.map((line) => JSON.parse(line).msg),
    ['the state of the tools cannot be read', 'the state of the tools can be read again'],
    'one line a change of state',
  )
})

t.test('a right that is taken away and a column that is dropped are said, not failed on', async (t) => {
  const { db, told, subscribe, changed } = await startWatch(t)
  subscribe()
  await told('states')
  await db.sql(
    `${USE}; alter table "NEMO_task" drop column tool_id cascade; alter table "NEMO_tool" drop column category`,
  )
  changed('NEMO_usageevent', { id: 1, tool_id: 1 })
  const { change } = await told('changed')
  t.match(change.problem, /This release of NEMO does not have NEMO_task \(problems\)/)
  t.match(change.tools[0], { tool_id: '1', in_use: true, problem_count: null, problem: null, category: null })
})

t.test('it never writes, waits or runs long: NEMO does not notice it', async (t) => {
  const { db, told, subscribe, changed } = await startWatch(t)
  subscribe()
  await told('states')
  await db.sql('begin; lock table "NEMO_usageevent" in access exclusive mode')
  changed('NEMO_usageevent', { id: 1, tool_id: 1 })
  t.match((await told('trouble')).why, /lock timeout/, 'it gives up, and NEMO goes on')
  await db.sql('commit')
  await told('states')
  const other = new pg.Client({ connectionString: db.url })
  await other.connect()
  t.teardown(() => other.end())
  await other.query('alter table "NEMO_usageevent" add column x int')
  t.pass('no transaction of ours stays open')
})
