import t from 'tap'
import { ruleDrift } from '../../src/db/drift-rules.ts'
import { findDrift } from '../../src/db/find-drift.ts'
import { migrate } from '../../src/db/migrate.ts'
import { uninstall } from '../../src/db/uninstall.ts'
import { silent, startLab } from './database.ts'

const lab = await startLab(t)

t.test('a table of one’s own is watched without its secrets, known to drift and repair, and released', async (t) => {
  const db = await lab.captured()
  await db.sql('create table "NEMO_door" (id int, name text, api_key text, "Password" text)')
  await t.rejects(migrate({ url: db.url, print: silent, watch: ['NEMO_dor'] }), { code: 'NEMO_MQTT_ERR_CONFIG' })
  await migrate({ url: db.url, print: silent, watch: ['NEMO_door'] })
  t.strictSame(await db.captured(`insert into "NEMO_door" values (1, 'North', 'k', 'p')`), ['INSERT NEMO_door'])
  t.strictSame((await db.changes())[0]?.new, { id: 1, name: 'North' })
  t.strictSame(await db.captured(`update "NEMO_door" set api_key = 'other'`), [])

  await db.sql('drop trigger nemo_mqtt_capture on "NEMO_door"')
  t.match(await findDrift(db), [{ code: 'trigger_missing', table: 'NEMO_door' }])
  t.strictSame((await migrate({ url: db.url, print: silent })).drift, [])

  const rule = (table: string, column = 'name') =>
    JSON.stringify([{ table, when: 'inserted', condition: { [column]: 'x' }, topic: 'a', payload: 1 }])
  t.strictSame(await ruleDrift(db, rule('NEMO_door')), [])
  t.match(await ruleDrift(db, rule('NEMO_door', 'api_key')), [{ found: /NEMO_door.api_key, which is not captured/ }])
  await t.rejects(migrate({ url: db.url, print: silent, unwatch: ['NEMO_tool'] }), {
    message: /standard events need it/,
  })
  await migrate({ url: db.url, print: silent, unwatch: ['NEMO_door'] })
  t.strictSame(await findDrift(db), [])
  t.strictSame(await db.captured(`insert into "NEMO_door" values (2)`), [])
  t.match(await ruleDrift(db, rule('NEMO_door')), [{ code: 'rule_unwatched', remedy: /migrate --watch NEMO_door/ }])
})

t.test('uninstalling removes its triggers too', { skip: lab.hasClientPrograms ? false : 'no pg_dump' }, async (t) => {
  const db = await lab.nemo()
  await db.sql('create table "NEMO_door" (id int)')
  const before = await db.dump()
  await migrate({ url: db.url, print: silent, watch: ['NEMO_door'] })
  await uninstall({ url: db.url, print: silent, confirm: async () => true })
  t.equal(await db.dump(), before)
})
