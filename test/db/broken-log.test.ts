import t from 'tap'
import { until } from '../../lab/wait.ts'
import { startLab, type TestDatabase } from './database.ts'

const lab = await startLab(t)
const UPDATE = `update "NEMO_tool" set name = name || '.' where id = 1`

/** Writes as NEMO does, and gives what Postgres warned of. */
async function writeAndWarn(db: TestDatabase): Promise<string[]> {
  db.warnings.length = 0
  const [before] = await db.sql(`select name from "NEMO_tool" where id = 1`)
  await db.sql(UPDATE)
  const [after] = await db.sql(`select name from "NEMO_tool" where id = 1`)
  if (after?.name !== `${before?.name}.`) throw new Error('NEMO’s write is gone')
  return [...db.warnings]
}

const DAMAGE: Readonly<Record<string, string>> = {
  'is dropped': 'drop table nemo_mqtt.change_log cascade',
  'is renamed': 'alter table nemo_mqtt.change_log rename to change_log_old',
  'has lost a column': 'alter table nemo_mqtt.change_log drop column op',
  'has a column of another type':
    'drop index nemo_mqtt.change_log_names; alter table nemo_mqtt.change_log alter old type boolean using null',
  'has a constraint that always fails': 'alter table nemo_mqtt.change_log add check (false) not valid',
  'has a trigger that fails': `create function public.no() returns trigger language plpgsql as 'begin raise exception $$no$$; end';
     create trigger no before insert on nemo_mqtt.change_log for each row execute function public.no()`,
  'may not be written': `create role keeper; grant keeper to current_user; grant usage, create on schema nemo_mqtt to keeper;
     alter function nemo_mqtt.tg_capture() owner to keeper; revoke all on nemo_mqtt.change_log from keeper`,
  'has lost its sequence': 'alter table nemo_mqtt.change_log alter id drop identity',
  'has gone with its schema': 'alter schema nemo_mqtt rename to elsewhere',
}

for (const [what, damage] of Object.entries(DAMAGE)) {
  t.test(`C20: when the log ${what}, NEMO writes on and is warned`, async (t) => {
    const db = await lab.captured()
    await db.sql(UPDATE) // with plans of the function cached
    await db.sql(damage)
    t.match(await writeAndWarn(db), [/^nemo_mqtt: UPDATE on "NEMO_tool" and what follows .* not captured: /])
    const other = await db.again()
    t.teardown(() => other.close())
    t.equal((await writeAndWarn(other)).length, 1, 'in every session')
    await other.sql(`begin; ${UPDATE}; savepoint s; ${UPDATE}; update "NEMO_area" set name = name || '.'; commit`)
    t.equal(other.warnings.length, 2, 'once a transaction, however many rows it writes')
  })
}

t.test('C20: when the log is back, the same session is captured again', async (t) => {
  const db = await lab.captured()
  await db.sql('alter table nemo_mqtt.change_log rename to away')
  t.equal((await writeAndWarn(db)).length, 1)
  await db.sql('alter table nemo_mqtt.away rename to change_log')
  t.strictSame(await writeAndWarn(db), [])
  t.equal((await db.changes()).length, 1)
})

t.test('a change log that somebody locks holds NEMO up for a second at most, once a transaction', async (t) => {
  const db = await lab.captured()
  const other = await db.again()
  t.teardown(() => other.close())
  await other.sql('begin; lock table nemo_mqtt.change_log in access exclusive mode') // what VACUUM FULL takes
  const start = performance.now()
  await db.sql(`update "NEMO_tool" set name = name || '.'`)
  const tookMs = performance.now() - start
  t.ok(tookMs < 2_000, `took ${Math.round(tookMs)} ms for many rows`)
  t.match(db.warnings, [/canceling statement due to lock timeout/])
  await other.sql('commit')
  t.strictSame(await writeAndWarn(db), [])
})

t.test('a lock that is gone within a second costs nothing but the wait', async (t) => {
  const db = await lab.captured()
  const other = await db.again()
  t.teardown(() => other.close())
  await other.sql('begin; lock table nemo_mqtt.change_log in access exclusive mode')
  const written = db.captured(`set client_min_messages = warning; ${UPDATE}`).catch(() => []) // truncates first: waits too
  await until(async () => (await other.sql(`select from pg_locks where not granted`)).length > 0, { what: 'the wait' })
  await other.sql('commit')
  t.strictSame(await written, ['UPDATE NEMO_tool'])
})

t.test('a cancelled statement stays cancelled', async (t) => {
  const db = await lab.captured()
  const other = await db.again()
  t.teardown(() => other.close())
  await other.sql('begin; lock table nemo_mqtt.change_log in access exclusive mode')
  await t.rejects(db.sql(`begin; set local statement_timeout = '200ms'; ${UPDATE}`), { code: '57014' })
  await db.sql('rollback')
  await other.sql('rollback')
})
