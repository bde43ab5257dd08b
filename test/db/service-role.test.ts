import pg from 'pg'
import t from 'tap'
import { findDrift, findNotices } from '../../src/db/find-drift.ts'
import { migrate } from '../../src/db/migrate.ts'
import { readState } from '../../src/db/state.ts'
import { uninstall } from '../../src/db/uninstall.ts'
import { LOOKUP_TABLES } from '../../src/map/lookup-tables.ts'
import { SOURCE_NAMES, SOURCES } from '../../src/state/sources.ts'
import { silent, startLab, type TestDatabase } from './database.ts'

const lab = await startLab(t)

async function withService(name: string): Promise<[TestDatabase, TestDatabase]> {
  const db = await lab.captured()
  await migrate({ url: db.url, print: silent, serviceRole: { name, create: { password: 'any' } } })
  return [db, await db.again(name)]
}

t.test('the service can do what it needs', async (t) => {
  const [db, service] = await withService('worker')
  t.teardown(() => service.close())
  await db.sql(`update "NEMO_tool" set name = 'a' where id = 1`)
  t.equal((await service.changes()).length, 1)
  await service.sql(`with moved as (delete from nemo_mqtt.change_log returning id, at, tbl, op, old, new)
    insert into nemo_mqtt.unmapped (id, at, tbl, op, old, new, reason) select *, 'because' from moved`)
  await service.sql('delete from nemo_mqtt.unmapped')
  t.equal((await service.sql('select id from nemo_mqtt.installation')).length, 1)
  for (const { table, columns } of Object.values(LOOKUP_TABLES)) {
    const list = ['id', ...columns].map((column) => `"${column}"`).join()
    t.ok(Array.isArray(await service.sql(`select ${list} from "${table}"`)), table)
  }
  for (const name of SOURCE_NAMES) {
    const { table, needs, may } = SOURCES[name]
    const list = [...needs, ...may].map((column) => `"${column}"`).join()
    t.ok(Array.isArray(await service.sql(`select ${list} from "${table}"`)), table)
  }
  t.ok((await service.sql('select app, name from django_migrations')).length > 0)
  t.strictSame(await findDrift(service), [], 'it sees whether its triggers are in place')
  t.strictSame(await findNotices(service), [])
  const state = await readState(service.url)
  t.match(state, { nemo: { release: '8.1.0', edition: 'NEMO', schema: 'public' }, pending: [], drift: [] })
})

/** What the service may do beside reading. */
const RIGHTS: Readonly<Record<string, readonly string[]>> = {
  'nemo_mqtt.change_log': ['delete'],
  'nemo_mqtt.unmapped': ['insert', 'delete'],
  'nemo_mqtt.configuration': ['insert', 'update', 'delete'],
  'nemo_mqtt.message_log': ['insert', 'delete'],
  'nemo_mqtt.retained_topic': ['insert', 'delete'],
}

t.test('the service can do nothing else', async (t) => {
  const [db, service] = await withService('humble')
  t.teardown(() => service.close())
  const tables = await db.sql<{ name: string; ours: boolean }>(
    `select format('%I.%I', schemaname, tablename) as name, schemaname = 'nemo_mqtt' as ours from pg_tables
      where schemaname in ('public', 'nemo_mqtt')`,
  )
  for (const { name, ours } of tables) {
    const may = RIGHTS[name] ?? []
    const forbidden = [`truncate ${name}`, `alter table ${name} add x int`]
    if (!may.includes('insert')) forbidden.push(`insert into ${name} default values`)
    if (!may.includes('delete')) forbidden.push(`delete from ${name}`)
    if (!ours)
      forbidden.push(`select * from ${name}`, `create trigger x before insert on ${name} execute function now()`)
    for (const sql of forbidden) await t.rejects(service.sql(sql), { code: '42501' }, sql)
    const [column] = await db.sql<{ name: string }>(
      `select quote_ident(attname) as name from pg_attribute where attrelid = $1::regclass and attnum = 2`,
      [name],
    )
    if (column !== undefined && !may.includes('update')) {
      await t.rejects(
        service.sql(`update ${name} set ${column.name} = ${column.name}`),
        { code: '42501' },
        `update ${name}`,
      )
    }
  }
  for (const column of ['email', 'badge_number', 'is_superuser', 'notes', 'last_login']) {
    await t.rejects(service.sql(`select ${column} from "NEMO_user"`), { code: '42501' }, column)
  }
  for (const sql of [
    `select nemo_mqtt.watch('NEMO_tool')`,
    `select nemo_mqtt.grant_service('humble')`,
    `select nemo_mqtt.finish_migration('x')`,
    'create table nemo_mqtt.mine (id int)',
    'create schema mine',
    `select nextval('nemo_mqtt.change_log_id_seq')`,
  ]) {
    await t.rejects(service.sql(sql), { code: '42501' }, sql)
  }
  await service.sql('begin')
  await t.rejects(service.sql('select * from nemo_mqtt.service_role'), { code: '42501' })
  await service.sql('rollback')
})

t.test('a role that exists is adopted and keeps what it had', async (t) => {
  const db = await lab.captured()
  await db.sql(
    'create role adopted login; grant select (id, email) on "NEMO_user" to adopted; grant select on "NEMO_area" to adopted',
  )
  const before = await db.sql(
    `select attname, attacl::text from pg_attribute where attacl is not null order by attrelid, attnum`,
  )
  const role = { name: 'adopted', create: { password: 'ignored' } }
  await migrate({ url: db.url, print: silent, serviceRole: role })
  t.match(await db.sql(`select * from nemo_mqtt.service_role where name = 'adopted'`), [{ created: false }])
  const [{ granted = [] } = {}] = await db.sql<{ granted: string[] }>(
    `select granted from nemo_mqtt.service_role where name = 'adopted'`,
  )
  const people = 'select (username, first_name, last_name, is_staff, is_service_personnel) on public."NEMO_user"'
  t.ok(granted.includes(people), granted.join('; '))
  t.notMatch(granted.join(), /"NEMO_area"/, 'what it could read before is not granted again')
  await migrate({ url: db.url, print: silent, serviceRole: role })
  t.match(await db.sql(`select * from nemo_mqtt.service_role where name = 'adopted'`), [{ created: false, granted }])
  await uninstall({ url: db.url, print: silent, confirm: async () => true })
  t.strictSame(
    await db.sql(`select attname, attacl::text from pg_attribute where attacl is not null order by attrelid, attnum`),
    before,
  )
  t.equal((await db.sql(`select from pg_roles where rolname = 'adopted'`)).length, 1)
})

t.test('a second migrate with and without the role changes nothing', async (t) => {
  const [db, service] = await withService('steady')
  await service.close()
  const acl = () =>
    db.sql(`select (select array_agg(relacl::text order by oid) from pg_class) as tables,
      (select array_agg(attacl::text order by attrelid, attnum) from pg_attribute) as columns,
      (select array_agg(to_jsonb(s)) from nemo_mqtt.service_role s) as roles`)
  const before = await acl()
  await migrate({ url: db.url, print: silent })
  await migrate({ url: db.url, print: silent, serviceRole: { name: 'steady', create: { password: 'other' } } })
  t.strictSame(await acl(), before)
})

t.test('a table that NEMO made anew is granted again', async (t) => {
  const [db, service] = await withService('patient')
  t.teardown(() => service.close())
  await db.sql('alter table "NEMO_project" rename to gone; create table "NEMO_project" (like gone including all)')
  await t.rejects(service.sql('select id from "NEMO_project"'), { code: '42501' })
  await migrate({ url: db.url, print: silent })
  t.strictSame(await service.sql('select id from "NEMO_project"'), [])
})

t.test('the password reaches the server only as a verifier, and works', async (t) => {
  const lines: string[] = []
  const strict = await startLab(t, { settings: { log_statement: 'all' }, onLine: (line) => lines.push(line) })
  const db = await strict.captured()
  const password = `it's "secret" $1 \\ %`
  await migrate({ url: db.url, print: silent, serviceRole: { name: 'secretive', create: { password } } })
  const [{ kept = '' } = {}] = await db.sql<{ kept: string }>(
    `select rolpassword as kept from pg_authid where rolname = 'secretive'`,
  )
  t.match(kept, /^SCRAM-SHA-256\$4096:/)
  t.notOk(
    lines.some((line) => line.includes(password) || line.includes('secret"')),
    'not in the server’s log',
  )
  t.ok(
    lines.some((line) => line.includes('create role "secretive"')),
    'which is looked at rightly',
  )

  const [{ file = '' } = {}] = await db.sql<{ file: string }>(`select current_setting('hba_file') as file`)
  const { appendFileSync, readFileSync, writeFileSync } = await import('node:fs')
  const rules = readFileSync(file, 'utf8')
  writeFileSync(file, 'host all secretive 127.0.0.1/32 scram-sha-256\n')
  appendFileSync(file, rules)
  await db.sql('select pg_reload_conf()')
  const login = async (given: string) => {
    const url = new URL(strict.server.url(db.name, 'secretive'))
    url.password = encodeURIComponent(given)
    const client = new pg.Client({ connectionString: url.href })
    await client.connect()
    await client.end()
  }
  await login(password)
  await t.rejects(login('wrong'), { code: '28P01' })
  await t.rejects(
    migrate({ url: db.url, print: silent, serviceRole: { name: 'umlaut', create: { password: 'größe' } } }),
    { code: 'NEMO_MQTT_ERR_CONFIG' },
  )
})

t.test('what cannot be granted is an error, not a warning', async (t) => {
  const db = await lab.nemo()
  await db.sql(
    `create role maker login createrole; grant create on database "${db.name}" to maker; create role other login`,
  )
  await db.sql('grant trigger, select on all tables in schema public to maker')
  const url = lab.server.url(db.name, 'maker')
  await t.rejects(migrate({ url, print: silent, serviceRole: { name: 'other' } }), {
    code: 'NEMO_MQTT_ERR_RIGHTS',
    message: /no right to grant select .* to role "other"/,
    hint: /owner of NEMO's tables/,
  })
  t.strictSame(await findDrift(db), [], 'everything else is in place')
  await t.rejects(migrate({ url, print: silent, serviceRole: { name: 'nobody_at_all' } }), {
    code: 'NEMO_MQTT_ERR_CONFIG',
  })
  await db.sql('alter role maker nocreaterole')
  await t.rejects(migrate({ url, print: silent, serviceRole: { name: 'new', create: { password: 'x' } } }), {
    code: 'NEMO_MQTT_ERR_RIGHTS',
    hint: /create role "new" login/,
  })
})

t.test('connect and usage are granted where the public has lost them', async (t) => {
  const db = await lab.captured()
  await db.sql(`revoke connect on database "${db.name}" from public; revoke usage on schema public from public`)
  const isAllowed = () =>
    db.sql(`select has_database_privilege('careful', current_database(), 'connect') as connect,
      has_schema_privilege('careful', 'public', 'usage') as usage`)
  await migrate({ url: db.url, print: silent, serviceRole: { name: 'careful', create: { password: undefined } } })
  t.strictSame(await isAllowed(), [{ connect: true, usage: true }])
  const service = await db.again('careful')
  t.strictSame(await findDrift(service), [])
  await service.close()
  await uninstall({ url: db.url, print: silent, confirm: async () => true })
  t.strictSame(await db.sql(`select from pg_roles where rolname = 'careful'`), [], 'and taken back')
})
