import { join } from 'node:path'
import t from 'tap'
import { until } from '../../lab/wait.ts'
import { migrate } from '../../src/db/migrate.ts'
import { type Remainder, uninstall } from '../../src/db/uninstall.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { silent, startLab, type TestDatabase } from './database.ts'

const lab = await startLab(t)
const needsDump = lab.hasClientPrograms ? {} : { skip: 'this PostgreSQL has no pg_dump' }
const confirm = async (): Promise<boolean> => true

/** Who owns NEMO's tables and installs, with no more rights than the README asks for. */
async function ownedBy(owner: string, template = 'sample'): Promise<TestDatabase> {
  const db = await lab.copy(template)
  await db.sql(`create role ${owner} login; grant create on database "${db.name}" to ${owner}`)
  await db.sql(`do $$ declare t record; begin
    for t in select tablename from pg_tables where schemaname = 'public' loop
      execute format('alter table public.%I owner to ${owner}', t.tablename);
    end loop; end $$`)
  return db
}

for (const installer of ['postgres', 'nemo_owner'] as const) {
  for (const role of [undefined, 'made', 'adopted'] as const) {
    const what = role === undefined ? 'without a service role' : `with a service role that was ${role}`
    t.test(`nothing stays in the schema, as ${installer} ${what}`, needsDump, async (t) => {
      const suffix = `${installer}_${role ?? 'none'}`
      const owner = installer === 'postgres' ? 'postgres' : `owner_${suffix}`
      const db = installer === 'postgres' ? await lab.nemo() : await ownedBy(owner)
      await db.sql(`alter role ${owner} createrole; create role reporting_${suffix}; create role app_${suffix} login;
        grant select on "NEMO_user" to reporting_${suffix}; grant select (id, name) on "NEMO_tool" to reporting_${suffix};
        alter default privileges for role ${owner} grant select on tables to reporting_${suffix};
        alter default privileges for role ${owner} grant all on functions to reporting_${suffix};
        alter default privileges for role ${owner} grant usage on schemas to reporting_${suffix}`)
      if (role === 'adopted')
        await db.sql(
          `create role service_${suffix} login; grant select (id, email) on "NEMO_user" to service_${suffix}`,
        )
      const before = await db.dump()
      const roles = await db.sql('select rolname from pg_roles order by 1')
      const defaults = await db.sql(
        'select defaclrole, defaclobjtype, defaclacl::text from pg_default_acl order by 1, 2',
      )

      const name = `service_${suffix}`
      const serviceRole =
        role === undefined ? undefined : { name, ...(role === 'made' ? { create: { password: 'x' } } : {}) }
      const url = lab.server.url(db.name, owner)
      await migrate({ url, print: silent, serviceRole })
      t.not(await db.dump(), before)
      const others = await db.sql(
        `select c.relname, a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
          where c.relnamespace = 'nemo_mqtt'::regnamespace and a.grantee <> c.relowner and a.grantee::regrole::text !~ '^service_'`,
      )
      t.strictSame(others, [], 'default privileges gave our tables to nobody')
      await db.sql(`update "NEMO_tool" set name = 'x' where id = 1; delete from "NEMO_task"`)

      t.equal(await uninstall({ url, print: silent, confirm }), true)
      t.equal(await db.dump(), before)
      t.strictSame(await db.sql('select rolname from pg_roles order by 1'), roles)
      t.strictSame(
        await db.sql('select defaclrole, defaclobjtype, defaclacl::text from pg_default_acl order by 1, 2'),
        defaults,
      )
      t.strictSame(await db.sql(`select * from pg_db_role_setting`), [])
      t.equal(await uninstall({ url, print: silent, confirm }), false, 'a second time there is nothing to do')
    })
  }
}

t.test('uninstall.sql by psql does the same', needsDump, async (t) => {
  const db = await lab.nemo()
  const before = await db.dump()
  const file = join(PACKAGE_ROOT, 'sql', 'uninstall.sql')
  await migrate({ url: db.url, print: silent, serviceRole: { name: 'by_psql', create: { password: 'x' } } })
  t.equal(await db.psql(file), '')
  t.equal(await db.dump(), before)
  t.match(await db.psql(file), /nemo_mqtt is not in database/)
})

t.test('install, uninstall and install again', async (t) => {
  const db = await lab.captured()
  await uninstall({ url: db.url, print: silent, confirm })
  t.strictSame(await db.sql(`update "NEMO_tool" set name = 'free' where id = 1 returning name`), [{ name: 'free' }])
  await migrate({ url: db.url, print: silent })
  t.strictSame(await db.captured(`update "NEMO_tool" set name = 'caught' where id = 1`), ['UPDATE NEMO_tool'])
})

t.test('what is lost is told, and nothing happens without a yes', async (t) => {
  const db = await lab.captured()
  await db.sql(`update "NEMO_tool" set name = name || '.';
    insert into nemo_mqtt.unmapped (id, at, tbl, op, reason) values (1, now(), 'x', 'UPDATE', 'odd')`)
  const asked: Remainder[] = []
  const ask = async (remainder: Remainder): Promise<boolean> => {
    asked.push(remainder)
    return false
  }
  t.equal(await uninstall({ url: db.url, print: silent, confirm: ask }), false)
  const [{ tools = 0 } = {}] = await db.sql<{ tools: number }>('select count(*)::int as tools from "NEMO_tool"')
  t.strictSame(asked, [{ isInstalled: true, undelivered: tools, unmapped: 1 }])
  t.strictSame((await db.captured(`update "NEMO_tool" set name = 'x' where id = 1`)).length, 1, 'still installed')
})

t.test('settings of the database go too', async (t) => {
  const db = await lab.captured()
  await db.sql(`alter database "${db.name}" set nemo_mqtt.capture = off; alter database "${db.name}" set work_mem = '5MB';
    create role loader; alter role loader in database "${db.name}" set nemo_mqtt.notify = off`)
  await uninstall({ url: db.url, print: silent, confirm })
  t.strictSame(await db.sql('select setconfig from pg_db_role_setting'), [{ setconfig: ['work_mem=5MB'] }])
})

t.test('a role that is needed elsewhere stays, and is named', async (t) => {
  const db = await lab.captured()
  await migrate({ url: db.url, print: silent, serviceRole: { name: 'needed', create: { password: 'x' } } })
  await lab.server.execute('postgres', 'create table theirs (id int); alter table theirs owner to needed')
  const lines: string[] = []
  await uninstall({ url: db.url, print: (line) => lines.push(line), confirm })
  t.match(lines.join('\n'), /role "needed" stays/)
  t.equal((await db.sql(`select from pg_roles where rolname = 'needed'`)).length, 1)
  t.strictSame(await db.sql(`select from pg_namespace where nspname = 'nemo_mqtt'`), [])
})

t.test('columns that NEMO renamed or dropped since do not hold it up', async (t) => {
  const db = await lab.captured()
  await migrate({ url: db.url, print: silent, serviceRole: { name: 'renamed', create: { password: 'x' } } })
  await db.sql('alter table "NEMO_user" rename first_name to given_name; alter table "NEMO_project" drop name cascade')
  await db.sql('drop table "NEMO_area" cascade')
  await uninstall({ url: db.url, print: silent, confirm })
  t.strictSame(await db.sql(`select from pg_roles where rolname = 'renamed'`), [])
})

t.test('a half installed and a damaged schema can be removed', async (t) => {
  for (const damage of [
    'drop table nemo_mqtt.change_log, nemo_mqtt.unmapped',
    'drop table nemo_mqtt.service_role',
    'drop function nemo_mqtt.tg_capture() cascade',
    'drop schema nemo_mqtt cascade; create schema nemo_mqtt',
  ]) {
    const db = await lab.captured()
    await db.sql(damage)
    t.equal(await uninstall({ url: db.url, print: silent, confirm }), true, damage)
    t.strictSame(await db.sql(`select from pg_trigger where tgname ~ 'nemo'`), [])
  }
})

t.test('NEMO at work is not made to wait, and never the victim of a deadlock', async (t) => {
  const db = await lab.captured()
  const [nemo, other] = [await db.again(), await db.again()]
  t.teardown(() => Promise.all([nemo.close(), other.close()]))
  await nemo.sql(`begin; update "NEMO_usageevent" set note = ''; lock table "NEMO_usageevent" in row exclusive mode`)
  const lines: string[] = []
  const patience = { attempts: 2, pauseMs: 20 }
  await t.rejects(uninstall({ url: db.url, print: (line) => lines.push(line), confirm, patience }), {
    code: 'NEMO_MQTT_ERR_TABLE_BUSY',
  })
  t.match(lines.join('\n'), /NEMO_usageevent: the table is in use; attempt 2 of 2/)
  const going = uninstall({ url: db.url, print: silent, confirm, patience: { attempts: 50, pauseMs: 20 } })
  await until(async () => (await other.sql('select from pg_locks where not granted')).length > 0, { what: 'the wait' })
  // NEMO goes on to tables whose triggers were dropped before, and to one that comes later.
  for (const table of ['NEMO_area', 'NEMO_tool', 'NEMO_task']) await nemo.sql(`select from "${table}" for update`)
  await nemo.sql('commit')
  t.equal(await going, true)
})

t.test('the owner of the function suffices, as it sufficed to install', async (t) => {
  const db = await lab.nemo()
  await db.sql(
    `create role guest login; grant create on database "${db.name}" to guest; grant trigger on all tables in schema public to guest`,
  )
  const url = lab.server.url(db.name, 'guest')
  await migrate({ url, print: silent })
  t.equal(await uninstall({ url, print: silent, confirm }), true)
  t.strictSame(await db.sql(`select from pg_trigger where tgname ~ 'nemo'`), [])
  await migrate({ url: db.url, print: silent })
  await t.rejects(uninstall({ url, print: silent, confirm }), { code: 'NEMO_MQTT_ERR_RIGHTS' })
})
