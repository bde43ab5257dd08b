import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { migrate } from '../../src/db/migrate.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { silent, startLab, type TestDatabase } from '../db/database.ts'
import { areaOf, StateEyes, toolOf } from './laboratory.ts'

/** Schema dumps of real installations, which are not part of this repository. */
const FOLDER = join(PACKAGE_ROOT, '..', 'shared', 'nemo')
const isHere = existsSync(FOLDER)
if (!isHere && process.env.CI) t.fail(`${FOLDER} is missing: the dumps of NEMO's schema`)
if (!isHere) process.stderr.write(`SKIPPED: no state was read from real schemas of NEMO, there is no ${FOLDER}\n`)

const lab = await startLab(t)

/** Inserts a row in which every other column that needs a value has one of its type. */
async function insert(db: TestDatabase, table: string, row: Readonly<Record<string, string>>): Promise<void> {
  const columns = await db.sql<{ name: string; type: string }>(
    `select attname as name, atttypid::regtype::text as type from pg_attribute
      where attrelid = format('public.%I', $1::text)::regclass and attnum > 0 and not attisdropped and attnotnull
        and not atthasdef and attidentity = ''`,
    [table],
  )
  const values = new Map([
    ...columns.map(({ name, type }) => [name, VALUES[type] ?? `'1'`] as const),
    ...Object.entries(row),
  ])
  const names = [...values.keys()].map((name) => `"${name}"`)
  await db.sql(`set session_replication_role = replica;
    insert into public."${table}" (${names.join()}) values (${[...values.values()].join()})`)
}

const VALUES: Readonly<Record<string, string>> = {
  boolean: 'false',
  'timestamp with time zone': 'now()',
  date: 'current_date',
  jsonb: `'{}'`,
  'character varying': `'text'`,
  text: `'text'`,
}

const DUMPS = isHere ? readdirSync(FOLDER).filter((name) => name.endsWith('.schema.sql')) : []
t.equal(DUMPS.length >= 7, isHere, 'the releases that people have')
for (const dump of DUMPS) {
  t.test(`${dump}: states are read with the rights of the service`, async (t) => {
    const name = dump.replace('.schema.sql', '')
    await lab.server.createDatabase(name)
    await lab.server.execute(name, readFileSync(join(FOLDER, dump), 'utf8'))
    const db = await lab.copy(name)
    const role = `reader_${name.replaceAll(/\W/g, '_')}`
    await migrate({ url: db.url, print: silent, serviceRole: { name: role, create: { password: undefined } } })
    const hasWaitList = (await db.sql(`select from pg_class where relname = 'NEMO_toolwaitlist'`)).length > 0
    await insert(db, 'NEMO_user', {
      id: '1',
      username: `'ada'`,
      first_name: `'Ada'`,
      last_name: `'L'`,
      is_staff: 'true',
    })
    await insert(db, 'NEMO_tool', { id: '1', name: `'Etcher'`, operational: 'true', visible: 'true' })
    await insert(db, 'NEMO_tool', { id: '2', name: `'Chamber'`, parent_tool_id: '1' })
    await insert(db, 'NEMO_usageevent', { tool_id: '2', user_id: '1', operator_id: '1' })
    await insert(db, 'NEMO_task', { tool_id: '1', problem_description: `'leaks'` })
    await insert(db, 'NEMO_reservation', { tool_id: '1', user_id: '1', end: `now() + interval '1 hour'` })
    await insert(db, 'NEMO_scheduledoutage', {
      tool_id: '1',
      start: `now() + interval '1 hour'`,
      end: `now() + interval '2 hours'`,
    })
    await insert(db, 'NEMO_resource', { id: '1', name: `'Water'` })
    await insert(db, 'NEMO_resource_fully_dependent_tools', { resource_id: '1', tool_id: '1' })
    await insert(db, 'NEMO_area', { id: '1', name: `'Bay'`, lft: '1', rght: '2', tree_id: '1' })
    await insert(db, 'NEMO_areaaccessrecord', { area_id: '1', customer_id: '1' })
    if (hasWaitList) await insert(db, 'NEMO_toolwaitlist', { tool_id: '1', user_id: '1' })

    const eyes = new StateEyes(lab.server.url(db.name, role))
    t.teardown(() => eyes.close())
    for (const look of [undefined, [], ['1']]) {
      const states = await eyes.look(look)
      t.match(toolOf(states, 1), {
        operational: true,
        in_use: true,
        usage: { user_name: 'Ada L', tool_name: 'Chamber' },
        problem: { title: 'leaks' },
        reservation: { user_name: 'Ada L' },
        next_outage: {},
        missing_resources: ['Water'],
        waiting: hasWaitList ? 1 : null,
      })
      t.match(areaOf(states, 1), { occupancy: 1, occupancy_staff: 1, occupancy_count: 0 })
      if (hasWaitList) t.equal(states.problem, null)
      else
        t.match(states.problem, /^This release of NEMO does not have NEMO_toolwaitlist \(how many wait for a tool\)\.$/)
    }
  })
}
