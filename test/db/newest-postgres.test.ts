import t from 'tap'
import { embeddedPostgres } from '../../lab/embedded-postgres.ts'
import { until } from '../../lab/wait.ts'
import { findDrift } from '../../src/db/find-drift.ts'
import { migrate } from '../../src/db/migrate.ts'
import { uninstall } from '../../src/db/uninstall.ts'
import { silent, startLab } from './database.ts'

// PostgreSQL 18: the newest, and from 17 on the queue of notifications can be made small enough to fill it in a test.
const lab = await startLab(t, { programs: embeddedPostgres(), settings: { max_notify_queue_pages: 64 } })

t.test('everything is captured, nothing drifts and nothing stays', async (t) => {
  const db = await lab.captured()
  t.strictSame(await findDrift(db), [])
  const writes = `insert into "NEMO_tool" (name) values ('new'); update "NEMO_tool" set name = 'n' where name = 'new';
    delete from "NEMO_tool" where name = 'n'; truncate "NEMO_task" cascade`
  t.strictSame(await db.captured(writes), [
    'INSERT NEMO_tool',
    'UPDATE NEMO_tool',
    'DELETE NEMO_tool',
    'TRUNCATE NEMO_task',
  ])
  await db.sql('drop schema nemo_mqtt cascade')

  // From PostgreSQL 16 on, who may create roles is not a member of what it has created.
  await db.sql(`create role owner createrole login; grant create on database "${db.name}" to owner`)
  const tables = await db.sql(`select format('%I', tablename) as name from pg_tables where schemaname = 'public'`)
  for (const { name } of tables) await db.sql(`alter table ${name} owner to owner`)
  const url = lab.server.url(db.name, 'owner')
  await migrate({ url, print: silent, serviceRole: { name: 'service', create: { password: 'one' } } })
  const service = await db.again('service')
  t.strictSame(await findDrift(service), [])
  await service.close()
  await uninstall({ url, print: silent, confirm: async () => true })
  t.strictSame(await db.sql(`select from pg_roles where rolname = 'service'`), [])
  t.strictSame(await db.sql(`select from pg_trigger where tgname ~ 'nemo'`), [])
})

t.test('a full queue of notifications does not keep NEMO from committing', async (t) => {
  const db = await lab.captured()
  const [listener, filler] = [await db.again(), await db.again()]
  t.teardown(() => Promise.all([listener.close(), filler.close()]))
  await listener.sql('listen elsewhere')
  await listener.sql('begin') // a session in a transaction takes no notification out of the queue
  let isFull = false
  for (let i = 0; i < 500 && !isFull; i += 1) {
    isFull = await filler.sql('select pg_notify($1, $2)', ['elsewhere', `${i}${'x'.repeat(7_000)}`]).then(
      () => false,
      () => true,
    )
  }
  t.ok(isFull, 'the queue is full')
  t.strictSame(await db.captured(`update "NEMO_tool" set name = 'written' where id = 1`), ['UPDATE NEMO_tool'])
  for (let i = 0; i < 500; i += 1) await db.sql(`update "NEMO_tool" set name = $1 where id = 1`, [`name ${i}`])
  t.equal((await db.changes()).length, 501)
  await listener.sql('rollback')
  const heard = await db.listen()
  await db.sql(`update "NEMO_tool" set name = 'again' where id = 1`)
  await until(() => heard.length, { what: 'a notification after there is room again' })
})
