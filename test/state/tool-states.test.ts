import t, { type Test } from 'tap'
import { migrate } from '../../src/db/migrate.ts'
import type { LaboratoryState } from '../../src/state/laboratory-state.ts'
import type { ToolState } from '../../src/state/state.ts'
import { silent, startLab, type TestDatabase } from '../db/database.ts'
import { StateEyes, toolOf } from './laboratory.ts'

const lab = await startLab(t)
const FREE = {
  operational: true,
  in_use: false,
  usage: null,
  delayed_logoff: null,
  problem_count: 0,
  problem: null,
  missing_resources: [],
  outage: null,
  next_outage: null,
  reservation: null,
  next_reservation: null,
  waiting: 0,
  ready_to_use: true,
}

/** A laboratory with a reader that keeps looking near, held against one that looks everywhere. */
async function laboratory(t: Test): Promise<{ db: TestDatabase; eyes: StateEyes; see: See }> {
  const db = await lab.captured()
  await migrate({ url: db.url, print: silent, serviceRole: { name: 'seer', create: { password: undefined } } })
  const eyes = new StateEyes(lab.server.url(db.name, 'seer'))
  const oracle = new StateEyes(lab.server.url(db.name, 'seer'))
  t.teardown(() => Promise.all([eyes.close(), oracle.close()]))
  await eyes.look()
  const see: See = async (sql, changed = []) => {
    if (sql !== '') await db.sql(sql)
    const near = await eyes.look(changed)
    const all = await oracle.look()
    t.strictSame({ ...near, time: '' }, { ...all, time: '' }, `seen near as everywhere: ${sql}`)
    return near
  }
  return { db, eyes, see }
}

type See = (sql: string, changed?: readonly string[]) => Promise<LaboratoryState>
const utc = async (db: TestDatabase, expression: string): Promise<string> =>
  String((await db.sql(`select to_char((${expression}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as x`))[0]?.x)
const usage = (more: string): string =>
  `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start, "end", has_ended) values ${more};`
const shown = ({ tool_id, tool_name, visible, parent_tool_id, category, ...rest }: ToolState) => rest

t.test('a tool that nobody uses is free, hidden or not', async (t) => {
  const { see } = await laboratory(t)
  const states = await see(`update "NEMO_tool" set visible = false where id = 2`)
  t.strictSame(
    states.tools.map((tool) => tool.tool_id),
    ['1', '2', '3', '4', '5', '6'],
  )
  t.strictSame(toolOf(states, 1), {
    tool_id: '1',
    tool_name: 'Scanning electron microscope',
    visible: true,
    parent_tool_id: null,
    category: 'Metrology',
    ...FREE,
  })
  t.match(toolOf(states, 2), { visible: false })
  t.match(states.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  t.equal(states.problem, null)
})

t.test('a tool is in use from the insert of a usage to its end; by whom, for whom, since when', async (t) => {
  const { db, eyes, see } = await laboratory(t)
  const since = await utc(db, `date_trunc('second', now() - interval '70 minutes')`)
  let tool = toolOf(await see(usage(`(1, 3, 3, 1, '${since}', null, 0)`)), 1)
  const [{ id = 0 } = {}] = await db.sql<{ id: number }>('select max(id) as id from "NEMO_usageevent"')
  const ada = { usage_id: String(id), tool_id: '1', tool_name: 'Scanning electron microscope', user_id: '3', since }
  t.strictSame(shown(tool), {
    ...FREE,
    in_use: true,
    usage: { ...ada, user_name: 'Ada Lindqvist', operator_id: null, operator_name: null },
  })
  tool = toolOf(await see(`update "NEMO_usageevent" set operator_id = 2 where id = ${id}`), 1)
  t.match(tool.usage, { user_name: 'Ada Lindqvist', operator_id: '2', operator_name: 'Tomás Reyes' })
  for (const [format, user_name, operator_name] of [
    ['first_last_username', 'Ada Lindqvist (ada)', 'Tomás Reyes (tomas)'],
    ['initials', 'A. L.', 'T. R.'],
    ['none', null, null],
  ] as const) {
    eyes.format = format
    t.match(toolOf(await eyes.look([]), 1).usage, { user_id: '3', user_name, operator_name }, format)
  }
  eyes.format = 'first_last'
  t.strictSame(shown(toolOf(await see(`update "NEMO_usageevent" set "end" = now() where id = ${id}`), 1)), FREE)
  tool = toolOf(await see(`update "NEMO_usageevent" set "end" = null where id = ${id}`, ['1']), 1)
  t.equal(tool.usage?.usage_id, String(id), 'an old usage that was opened again is found by the change of its tool')
  t.strictSame(shown(toolOf(await see('delete from "NEMO_usageevent"'), 1)), FREE)
})

t.test('two open usages, which NEMO allows a family, are told as the newest one', async (t) => {
  const { see } = await laboratory(t)
  const states = await see(usage(`(6, 4, 4, 1, now(), null, 0), (3, 3, 3, 1, now() - interval '1 hour', null, 0)`))
  t.match(toolOf(states, 3).usage, { user_name: 'Wei Zhang', tool_id: '6', tool_name: 'Oxidation furnace, tube B' })
})

t.test('a delayed log-off: not in use, and not ready either, until the end passes', async (t) => {
  const { db, see } = await laboratory(t)
  const until = await utc(db, `date_trunc('second', now() + interval '40 minutes')`)
  let tool = toolOf(await see(usage(`(4, 5, 5, 1, now() - interval '2 hours', '${until}', 7)`)), 4)
  t.match(tool, { in_use: false, usage: null, ready_to_use: false })
  t.match(tool.delayed_logoff, { user_id: '5', user_name: "Sinéad O'Brien", until })
  tool = toolOf(await see(usage(`(4, 1, 1, 1, now(), null, 0)`)), 4)
  t.match(tool, { in_use: true, usage: { user_name: 'Marie Keller' }, delayed_logoff: { until } }, 'staff may go on')
  tool = toolOf(await see(`update "NEMO_usageevent" set "end" = now() - interval '1 second'`), 4)
  t.strictSame(shown(tool), FREE)
})

t.test('down, with and without a problem; the gravest problem is told', async (t) => {
  const { see } = await laboratory(t)
  const task = (tool: number, values: string): string =>
    `insert into "NEMO_task" (tool_id, creator_id, title, problem_description, urgency, safety_hazard, force_shutdown)
     values (${tool}, 3, ${values})`
  t.match(shown(toolOf(await see(`update "NEMO_tool" set operational = false where id = 2`), 2)), {
    operational: false,
    ready_to_use: false,
    problem_count: 0,
  })
  let tool = toolOf(await see(task(2, `null, E'\\n  lamp flickers \\nsince Monday', -1, false, false`)), 2)
  t.match(tool, { problem_count: 1, problem: { title: 'lamp flickers', urgency: -1, force_shutdown: false } })
  tool = toolOf(await see(task(2, `'Shutter', 'stuck', 1, false, false`)), 2)
  t.match(tool, { problem_count: 2, problem: { title: 'Shutter', urgency: 1 } }, 'the more urgent one')
  tool = toolOf(await see(task(2, `'Ozone', null, 0, true, false`)), 2)
  t.match(tool, { problem: { title: 'Ozone', safety_hazard: true } }, 'a hazard before that')
  tool = toolOf(await see(task(2, `'   ', ' ', -1, false, true`)), 2)
  t.match(tool, { problem_count: 4, problem: { title: null, force_shutdown: true } }, 'what shuts down before all')
  tool = toolOf(await see(`update "NEMO_task" set resolved = true where not safety_hazard`), 2)
  t.match(tool, { problem_count: 1, problem: { title: 'Ozone' }, operational: false })
  tool = toolOf(await see(`update "NEMO_task" set cancelled = true`), 2)
  t.match(tool, { problem_count: 0, problem: null, operational: false }, 'staff say whether it works, no task does')
  tool = toolOf(await see(`update "NEMO_task" set cancelled = false where safety_hazard`, ['2']), 2)
  t.match(tool, { problem_count: 1 }, 'opened again')
})

t.test('reservations: the present one and the next; none that was cancelled, missed or shortened', async (t) => {
  const { db, see } = await laboratory(t)
  const book = (start: string, end: string, more = `3, ''`): string =>
    `insert into "NEMO_reservation" (tool_id, creator_id, start, "end", user_id, title) values
      (5, 1, now() + interval '${start}', now() + interval '${end}', ${more})`
  let tool = toolOf(await see(`${book('2 hours', '3 hours', `4, ' Wafer 12 '`)}; ${book('1 day', '2 days')}`), 5)
  t.match(tool, {
    reservation: null,
    next_reservation: { user_name: 'Wei Zhang', title: 'Wafer 12' },
    ready_to_use: true,
  })
  tool = toolOf(await see(book('-10 minutes', '10 minutes', `7, ''`)), 5)
  t.match(tool, {
    reservation: { user_name: 'Noor van den Berg', title: null },
    next_reservation: { title: 'Wafer 12' },
  })
  tool = toolOf(await see(book('30 minutes', '40 minutes', `6, 'first'`)), 5)
  t.match(tool, { next_reservation: { title: 'first' } })
  const first = `where title = 'first'`
  for (const way of ['cancelled', 'missed', 'shortened']) {
    tool = toolOf(await see(`update "NEMO_reservation" set ${way} = true ${first}`), 5)
    t.match(tool, { next_reservation: { title: 'Wafer 12' } }, `${way}, and no change was heard of`)
    tool = toolOf(await see(`update "NEMO_reservation" set ${way} = false ${first}`, ['5']), 5)
    t.match(tool, { next_reservation: { title: 'first' } })
  }
  tool = toolOf(await see(`update "NEMO_reservation" set start = now() - interval '1 second' ${first}`), 5)
  t.match(tool, { reservation: { user_id: '7' }, next_reservation: { title: 'Wafer 12' } }, 'two at once: the earlier')
  tool = toolOf(await see(`update "NEMO_reservation" set "end" = now() where user_id = 7`), 5)
  t.match(tool, { reservation: { title: 'first' } }, 'the other one comes into view by itself')
  tool = toolOf(
    await see(`insert into "NEMO_reservation" (area_id, creator_id, user_id, start, "end")
    values (1, 1, 3, now(), now() + interval '1 hour'); delete from "NEMO_reservation" where tool_id = 5 and title <> ''`),
    5,
  )
  const [next] = await db.sql(`select id::text as id from "NEMO_reservation" where tool_id = 5 and "end" > now()`)
  t.match(tool, { reservation: null, next_reservation: { reservation_id: next?.id } })
})

t.test('scheduled outages of the tool and of what it needs; what it needs and is missing', async (t) => {
  const { see } = await laboratory(t)
  await see(`insert into "NEMO_resource" (name) values ('Nitrogen'), ('Chilled water');
    insert into "NEMO_resource_fully_dependent_tools" (resource_id, tool_id) values (1, 3), (1, 4), (2, 4)`)
  const outage = (whose: string, start: string, end: string, title: string): string =>
    `insert into "NEMO_scheduledoutage" (${whose}, creator_id, title, start, "end") values
      (%, 1, '${title}', now() + interval '${start}', now() + interval '${end}')`
  let states = await see(outage('tool_id', '1 hour', '2 hours', 'Service').replace('%', '4'))
  t.match(toolOf(states, 4), { outage: null, next_outage: { title: 'Service' }, ready_to_use: true })
  states = await see(outage('resource_id', '-1 hour', '1 minute', 'No nitrogen').replace('%', '1'))
  t.match(toolOf(states, 4), {
    outage: { title: 'No nitrogen' },
    next_outage: { title: 'Service' },
    ready_to_use: false,
  })
  t.match(toolOf(states, 3), { outage: { title: 'No nitrogen' }, ready_to_use: false })
  t.match(toolOf(states, 6), { outage: { title: 'No nitrogen' } }, 'a child has it from its parent')
  states = await see('delete from "NEMO_scheduledoutage" where resource_id = 1')
  t.match(toolOf(states, 3), { outage: null, ready_to_use: true })
  states = await see('update "NEMO_resource" set available = false')
  t.match(toolOf(states, 4), { missing_resources: ['Nitrogen', 'Chilled water'], ready_to_use: false })
  t.match(toolOf(states, 3), { missing_resources: ['Nitrogen'] })
  t.match(toolOf(states, 1), { missing_resources: [], ready_to_use: true })
})

t.test('how many wait: neither who gave up nor whose turn ran out', async (t) => {
  const { see } = await laboratory(t)
  let states = await see('insert into "NEMO_toolwaitlist" (tool_id, user_id) values (1, 3), (1, 4), (1, 5), (2, 3)')
  t.equal(toolOf(states, 1).waiting, 3)
  states = await see(
    'update "NEMO_toolwaitlist" set deleted = user_id = 3, expired = user_id = 4, date_exited = now() where user_id < 5',
  )
  t.strictSame([toolOf(states, 1).waiting, toolOf(states, 2).waiting], [1, 0])
})

t.test('a child tool has the state of its parent, and none of its own row', async (t) => {
  const { see } = await laboratory(t)
  let states = await see('')
  t.strictSame(shown(toolOf(states, 6)), FREE, 'its own row says that it is down')
  t.match(toolOf(states, 6), { visible: false, parent_tool_id: '3', category: 'Thermal' })
  states = await see(usage(`(6, 3, 3, 1, now(), null, 0)`))
  t.match(toolOf(states, 3), { in_use: true, usage: { tool_id: '6', tool_name: 'Oxidation furnace, tube B' } })
  t.match(toolOf(states, 6), { in_use: true })
  states = await see('update "NEMO_tool" set operational = false where id = 3')
  t.match(toolOf(states, 6), { operational: false })
  states = await see('update "NEMO_tool" set parent_tool_id = 1 where id = 6')
  t.match(toolOf(states, 3), { in_use: false })
  t.match(toolOf(states, 1), { in_use: true }, 'its usage counts for its new parent')
})

t.test('a time without end is null, and ids keep their digits', async (t) => {
  const { db, see } = await laboratory(t)
  await db.sql('alter table "NEMO_tool" alter id type bigint')
  const id = '9007199254740993'
  const states = await see(`insert into "NEMO_tool" (id, name) values (${id}, 'Far');
    insert into "NEMO_reservation" (tool_id, creator_id, user_id, start, "end") values (1, 1, 1, now(), 'infinity')`)
  t.equal(states.tools.at(-1)?.tool_id, id)
  t.match(toolOf(states, 1).reservation, { end_time: null })
})
