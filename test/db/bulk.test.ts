import pg from 'pg'
import t, { type Test } from 'tap'
import { startLab, type TestDatabase } from './database.ts'

// What bulk statements cost is measured by `npm run bench`; here is what they must and must not leave behind.
const lab = await startLab(t)
const ROWS = 20_000

async function withUsages(): Promise<TestDatabase> {
  const db = await lab.captured()
  await db.sql('set nemo_mqtt.capture = off')
  await db.sql(
    `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, has_ended, start, "end")
     select 1 + g % 3, 1 + g % 3, 1, 1, g, timestamptz '2026-01-01' + g * interval '1 minute', '2026-06-01'
       from generate_series(1, ${ROWS}) g`,
  )
  await db.sql('reset nemo_mqtt.capture')
  return db
}

async function logged(db: TestDatabase): Promise<number> {
  const [row] = await db.sql('select count(*)::int as n from nemo_mqtt.change_log')
  return Number(row?.n)
}

t.test('C12 C93: a bulk update of billing columns leaves no change and no notification', async (t) => {
  const db = await withUsages()
  const heard = await listen(t, db)
  await db.sql('update "NEMO_usageevent" set validated = true')
  t.equal(await logged(db), 0)
  t.equal(await heard(), 0)
})

t.test('C12: a bulk update that changes rows is one change a row, and one notification in all', async (t) => {
  const db = await withUsages()
  const heard = await listen(t, db)
  await db.sql(`update "NEMO_usageevent" set start = start + interval '1 second'`)
  t.equal(await logged(db), ROWS)
  t.equal(await heard(), 1)
})

t.test('C94: an upgrade that rewrites history and then adds a constraint succeeds and leaves no change', async (t) => {
  const db = await withUsages()
  await db.sql('alter table "NEMO_usageevent" drop constraint unique_tool_has_ended, drop has_ended')
  await db.sql(`begin;
    alter table "NEMO_usageevent" add has_ended bigint default 0 not null;
    do $$ declare usage record; begin
      for usage in select id from "NEMO_usageevent" loop
        update "NEMO_usageevent" set has_ended = usage.id where id = usage.id;
      end loop; end $$;
    alter table "NEMO_usageevent" add constraint unique_tool_has_ended unique (tool_id, has_ended);
    commit`)
  t.equal(await logged(db), 0)
})

/** Counts notifications from now on; asking waits until one that was sent last has come. */
async function listen(t: Test, db: TestDatabase): Promise<() => Promise<number>> {
  const client = new pg.Client({ connectionString: lab.server.url(db.name) })
  await client.connect()
  t.teardown(() => client.end())
  let count = 0
  const mark = new Promise<void>((resolve) => {
    client.on('notification', ({ channel }) => {
      if (channel === 'nemo_mqtt') count += 1
      else resolve()
    })
  })
  await client.query('listen nemo_mqtt; listen mark')
  return async () => {
    await client.query('notify mark') // delivered in order, after all that was committed before
    await mark
    return count
  }
}
