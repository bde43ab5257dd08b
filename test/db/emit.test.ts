import t from 'tap'
import { findDrift } from '../../src/db/find-drift.ts'
import { migrate } from '../../src/db/migrate.ts'
import { silent, startLab } from './database.ts'

const lab = await startLab(t)

t.test('a message is in the log when its transaction was committed, and not when it was rolled back', async (t) => {
  const db = await lab.captured()
  const heard = await db.listen()
  await db.sql(`select nemo_mqtt.emit('door/3', '{"n": 1.10, "big": 9007199254740993}')`)
  await db.sql(`begin; select nemo_mqtt.emit('door/3', '2'); rollback`)
  const changes = await db.changes()
  t.match(changes, [{ tbl: 'nemo_mqtt.emit', op: 'INSERT', old: null, new: { topic: 'door/3' } }])
  t.equal(changes.length, 1)
  t.equal(changes[0]?.new?.payload, '{"n": 1.10, "big": 9007199254740993}', 'digit for digit')
  t.strictSame(heard, ['nemo_mqtt:'])
  await db.sql(`select nemo_mqtt.emit('door/3', null)`)
  t.equal((await db.changes()).at(-1)?.new?.payload, 'null', 'as JSON writes it, and sent like any other')
})

t.test('pausing the capture does not silence it, its own switch does', async (t) => {
  const db = await lab.captured()
  t.strictSame(await db.captured(`set nemo_mqtt.capture = off; select nemo_mqtt.emit('a', '1')`), [
    'INSERT nemo_mqtt.emit',
  ])
  t.strictSame(await db.captured(`set nemo_mqtt.emit = off; select nemo_mqtt.emit('a', '1')`), [])
})

t.test('whoever calls it does not fail, whatever is broken', async (t) => {
  const db = await lab.captured()
  for (const harm of ['drop table nemo_mqtt.change_log', 'set default_transaction_read_only = on']) {
    await db.sql(`begin; ${harm}`)
    await db.sql(`select nemo_mqtt.emit(null, null), nemo_mqtt.emit('a', '1')`)
    t.strictSame(await db.sql('select 1 as alive'), [{ alive: 1 }], harm)
    await db.sql('rollback; set default_transaction_read_only = off')
  }
  t.equal(db.warnings.filter((text) => /what follows in this transaction is not sent/.test(text)).length, 1, 'once')
  const blocker = await db.again()
  t.teardown(() => blocker.close())
  await blocker.sql('begin; lock table nemo_mqtt.change_log')
  const from = performance.now()
  await db.sql(`begin; select nemo_mqtt.emit('a', n::text::jsonb) from generate_series(1, 5) n; commit`)
  t.ok(performance.now() - from < 2_500, 'it waits once, and a second at most')
  await blocker.sql('rollback')
})

t.test('only the owner may call it, and who was allowed to; migrations leave that', async (t) => {
  const db = await lab.nemo()
  await db.sql(`create role door login; create role reader login;
    alter default privileges grant execute on functions to reader; alter default privileges grant usage on schemas to reader`)
  await migrate({ url: db.url, print: silent })
  const [door, reader] = [await db.again('door'), await db.again('reader')]
  t.teardown(() => Promise.all([door.close(), reader.close()]))
  const emit = `select nemo_mqtt.emit('a', '1')`
  // Our schema is closed to them, and so is what is in it.
  for (const one of [door, reader]) await t.rejects(one.sql(emit), /permission denied for schema/)
  await db.sql('grant usage on schema nemo_mqtt to door, reader')
  for (const one of [door, reader]) await t.rejects(one.sql(emit), /permission denied for function/)
  await db.sql(`grant execute on function nemo_mqtt.emit(text, jsonb) to door`)
  await db.sql(`select nemo_mqtt.finish_migration('000008_emit')`)
  await door.sql(emit)
  t.strictSame(await db.captured('select 1'), [])
  await t.rejects(door.sql('select * from nemo_mqtt.change_log'), /permission denied/)
  await t.rejects(reader.sql(emit), /permission denied/)
})

t.test('a function that is missing or changed is found and put back', async (t) => {
  const db = await lab.captured()
  const harms = [
    ['drop function nemo_mqtt.emit(text, jsonb)', 'function_missing'],
    ['alter function nemo_mqtt.emit(text, jsonb) reset search_path', 'function_changed'],
  ] as const
  for (const [harm, code] of harms) {
    await db.sql(harm)
    t.match(await findDrift(db), [{ code, found: /nemo_mqtt\.emit/ }])
    t.strictSame((await migrate({ url: db.url, print: silent })).drift, [])
  }
})
