import t from 'tap'
import { startLab, type TestDatabase } from './database.ts'

// Bounds are wide, because test machines are shared; `npm run bench` measures. Each number is the best of some runs.
const lab = await startLab(t, { settings: { autovacuum: 'off', shared_buffers: '256MB' } })
const RUNS = 4

/** The best time of a statement in fresh copies of a database with so many usage events, in milliseconds. */
async function bestMs(template: 'sample' | 'captured', rows: number, sql: string, before = ''): Promise<number> {
  const filled = `${template}_${rows}${before === '' ? '' : '_prepared'}`
  if ((await lab.server.execute('postgres', `select from pg_database where datname = '${filled}'`)).length === 0) {
    await lab.server.createDatabase(filled, template)
    await lab.server.execute(
      filled,
      `set nemo_mqtt.capture = off;
       insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, has_ended, start, "end")
       select 1 + g % 3, 1 + g % 3, 1, 1, g, timestamptz '2026-01-01' + g * interval '1 minute', '2026-06-01'
         from generate_series(1, ${rows}) g`,
    )
    if (before !== '') await lab.server.execute(filled, before)
    await lab.server.execute(filled, 'vacuum analyze')
  }
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run += 1) {
    const db = await lab.copy(filled)
    await db.sql('select count(*) from "NEMO_usageevent"') // from disk, once
    const start = performance.now()
    await db.sql(sql)
    best = Math.min(best, performance.now() - start)
    await db.close()
    await lab.server.dropDatabase(db.name)
  }
  return best
}

t.test('C12: a bulk update of NEMO stays fast, and grows no faster than its rows', async (t) => {
  const validate = 'update "NEMO_usageevent" set validated = true'
  const bare = { few: await bestMs('sample', 20_000, validate), many: await bestMs('sample', 40_000, validate) }
  const captured = { few: await bestMs('captured', 20_000, validate), many: await bestMs('captured', 40_000, validate) }
  t.comment('20,000 rows', bare.few, captured.few, '40,000 rows', bare.many, captured.many)
  t.ok(captured.few <= 3 * bare.few, `${(captured.few / bare.few).toFixed(2)} times the bare time`)
  t.ok(captured.many <= 3 * bare.many, `${(captured.many / bare.many).toFixed(2)} times the bare time`)
  t.ok(
    captured.many / captured.few < 2.5,
    `twice the rows, ${(captured.many / captured.few).toFixed(2)} times the time`,
  )
})

t.test('a bulk update that is captured row by row, and one that changes nothing', async (t) => {
  const change = `update "NEMO_usageevent" set start = start + interval '1 second'`
  const same = 'update "NEMO_usageevent" set start = start'
  const ratio = async (sql: string) => (await bestMs('captured', 10_000, sql)) / (await bestMs('sample', 10_000, sql))
  const [changed, unchanged] = [await ratio(change), await ratio(same)]
  t.ok(changed < 5, `changed rows: ${changed.toFixed(2)} times`)
  t.ok(unchanged < 2, `unchanged rows: ${unchanged.toFixed(2)} times`)
})

t.test('C94: an upgrade that rewrites history takes hardly longer', async (t) => {
  const before = 'alter table "NEMO_usageevent" drop constraint unique_tool_has_ended, drop has_ended'
  const upgrade = `begin;
    alter table "NEMO_usageevent" add has_ended bigint default 0 not null;
    do $$ declare usage record; begin
      for usage in select id from "NEMO_usageevent" loop
        update "NEMO_usageevent" set has_ended = usage.id where id = usage.id;
      end loop; end $$;
    alter table "NEMO_usageevent" add constraint unique_tool_has_ended unique (tool_id, has_ended);
    commit`
  const [bare, captured] = [
    await bestMs('sample', 10_000, upgrade, before),
    await bestMs('captured', 10_000, upgrade, before),
  ]
  t.ok(captured <= 3 * bare, `${(captured / bare).toFixed(2)} times the bare time`)
})

t.test('one captured write costs a fraction of a millisecond', async (t) => {
  const [bare, captured] = [await lab.nemo(), await lab.captured()]
  const write = 'update "NEMO_tool" set location = $1 where id = 1'
  const medianMs = async (db: TestDatabase): Promise<number> => {
    const times: number[] = []
    for (let i = 0; i < 600; i += 1) {
      const start = performance.now()
      await db.sql(write, [`place ${i}`])
      times.push(performance.now() - start)
    }
    return times.sort((a, b) => a - b)[300] ?? 0
  }
  for (const db of [bare, captured]) await db.sql('set synchronous_commit = off')
  let extra = Number.POSITIVE_INFINITY
  for (let run = 0; run < 5; run += 1) extra = Math.min(extra, -(await medianMs(bare)) + (await medianMs(captured)))
  t.ok(extra < 0.15, `${extra.toFixed(3)} ms more`)
})
