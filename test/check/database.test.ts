import pg from 'pg'
import t from 'tap'
import { findProgram } from '../../lab/programs.ts'
import { until } from '../../lab/wait.ts'
import { LOCK } from '../../src/db/lease.ts'
import { runCli, sampleDatabase } from '../fixtures/service.ts'
import { startDeafProxy, startPgBouncer } from '../service/pooler.ts'
import { type Expected, FaultRig, judge } from './fault-rig.ts'

t.setTimeout(120_000)

const rig = await FaultRig.open(t)
const { laboratory } = rig
const { sql, postgres } = laboratory

// A service that holds the lock and says nothing more: after 15 s, when the other tests are done, it counts as frozen.
await sampleDatabase(postgres, 'frozen')
await postgres.execute('frozen', "select nemo_mqtt.grant_service('sidecar')")
const frozen = new pg.Client({
  connectionString: postgres.url('frozen', 'sidecar'),
  application_name: 'nemo-mqtt lease',
})
frozen.on('error', () => undefined) // the server ends before it
await frozen.connect()
await frozen.query('select pg_advisory_lock($1, $2)', [...LOCK])
t.teardown(() => frozen.end())

async function migrate(): Promise<void> {
  const { code, output } = await runCli(['migrate'], { NEMO_MQTT_DATABASE_URL: laboratory.databaseUrl })
  if (code !== 0) throw new Error(output)
}

/** A fault that SQL makes, and how it is mended. */
interface Fault extends Expected {
  readonly name: string
  readonly make: string
  readonly mend: string | (() => Promise<void>)
}

const OLD_FUNCTION = `create or replace function nemo_mqtt.tg_capture() returns trigger language plpgsql security definer
  set search_path = '' as $$ begin return null; end $$`

const FAULTS: readonly Fault[] = [
  {
    name: 'C22 a trigger was dropped',
    make: 'drop trigger nemo_mqtt_capture on "NEMO_tool"',
    mend: migrate,
    code: 'TRIGGERS',
    found: /NEMO_tool: the trigger nemo_mqtt_capture is missing/,
    todo: /migrate/,
  },
  {
    name: 'C22 a trigger was disabled',
    make: 'alter table "NEMO_task" disable trigger all',
    mend: 'alter table "NEMO_task" enable trigger all',
    code: 'TRIGGERS',
    found: /NEMO_task: the trigger nemo_mqtt_capture is disabled/,
  },
  {
    name: 'C26 the trigger that tells of TRUNCATE was dropped',
    make: 'drop trigger nemo_mqtt_capture_truncate on "NEMO_usageevent"',
    mend: migrate,
    code: 'TRIGGERS',
    found: /NEMO_usageevent: the trigger nemo_mqtt_capture_truncate is missing/,
  },
  {
    name: 'C22 a table was recreated',
    make: `alter table "NEMO_areaaccessrecord" rename to kept; create table "NEMO_areaaccessrecord" (like kept);
      grant select on "NEMO_areaaccessrecord" to sidecar`,
    mend: 'drop table "NEMO_areaaccessrecord"; alter table kept rename to "NEMO_areaaccessrecord"',
    code: 'TRIGGERS',
    found: /NEMO_areaaccessrecord: the trigger nemo_mqtt_capture is missing/,
  },
  {
    name: 'C22 the function was replaced by another one',
    make: OLD_FUNCTION,
    mend: migrate,
    code: 'CAPTURE_FUNCTION',
    found: /tg_capture\(\) is not the one of this release/,
    todo: /migrate/,
  },
  {
    name: 'capture is paused',
    make: 'alter database nemo set nemo_mqtt.capture = off',
    mend: 'alter database nemo reset nemo_mqtt.capture',
    code: 'CAPTURE_ON',
    found: /capture is off in this database/,
    todo: /alter database nemo reset/,
  },
  {
    name: 'a column of NEMO is gone',
    make: 'alter table "NEMO_area" rename column maximum_capacity to capacity',
    mend: 'alter table "NEMO_area" rename column capacity to maximum_capacity',
    code: 'WATCHED_COLUMNS',
    level: 'warning',
    found: /NEMO_area has no column "maximum_capacity"/,
  },
  {
    name: 'a migration is pending',
    make: `create table gone as select * from nemo_mqtt.kysely_migration where name like '000006%';
           delete from nemo_mqtt.kysely_migration where name like '000006%'`,
    mend: 'insert into nemo_mqtt.kysely_migration select * from gone; drop table gone',
    code: 'MIGRATIONS',
    found: /pending: 000006/,
    todo: /migrate/,
  },
  {
    name: 'a newer release has migrated the database',
    make: `insert into nemo_mqtt.kysely_migration values ('000999_future', 'now')`,
    mend: `delete from nemo_mqtt.kysely_migration where name = '000999_future'`,
    code: 'MIGRATIONS',
    level: 'warning',
    found: /newer release has applied 000999_future/,
  },
  {
    name: 'a table of ours is missing',
    make: 'alter table nemo_mqtt.unmapped rename to elsewhere',
    mend: 'alter table nemo_mqtt.elsewhere rename to unmapped',
    code: 'SCHEMA',
    found: /nemo_mqtt.unmapped is missing/,
  },
  {
    name: 'the role lacks a right',
    make: 'revoke delete on nemo_mqtt.change_log from sidecar',
    mend: 'grant delete on nemo_mqtt.change_log to sidecar',
    code: 'DB_RIGHTS',
    found: /role sidecar lacks delete on nemo_mqtt.change_log/,
    todo: /migrate --service-role sidecar/,
  },
  {
    name: 'the role may not use our schema',
    make: 'revoke usage on schema nemo_mqtt from sidecar',
    mend: 'grant usage on schema nemo_mqtt to sidecar',
    code: 'DB_RIGHTS',
    found: /usage on schema nemo_mqtt/,
  },
  {
    name: 'the role may not read names',
    make: 'revoke select on "NEMO_user" from sidecar',
    mend: `select nemo_mqtt.grant_service('sidecar')`,
    code: 'DB_RIGHTS',
    level: 'warning',
    found: /may not read NEMO_user.first_name/,
  },
  {
    name: 'a change was not understood',
    make: `insert into nemo_mqtt.unmapped values (1, now(), 'NEMO_tool', 'U', '{}', '{}', 'no id')`,
    mend: 'truncate nemo_mqtt.unmapped',
    code: 'UNMAPPED',
    level: 'warning',
    found: /1 changes were set aside, the last one of NEMO_tool: no id/,
  },
  {
    name: 'none of the stored configurations is enabled',
    make: `insert into nemo_mqtt.configuration values ('one', true); delete from nemo_mqtt.configuration`,
    mend: 'truncate nemo_mqtt.configuration_history',
    code: 'CONFIGURATION',
    found: /no configuration is enabled/,
    todo: /config enable/,
  },
  {
    name: 'a stored secret cannot be opened',
    make: `insert into nemo_mqtt.configuration values ('one', true, '{"password": {"sealed": "v1:AAAA"}, "username": "me"}')`,
    mend: 'delete from nemo_mqtt.configuration; truncate nemo_mqtt.configuration_history',
    code: 'CONFIGURATION',
    found: /password of configuration "one".*NEMO_MQTT_CONFIG_KEY is not set/s,
  },
]

for (const { name, make, mend, ...expected } of FAULTS) {
  t.test(name, async (t) => {
    await sql(make)
    try {
      await rig.names(t, expected)
    } finally {
      await (typeof mend === 'string' ? sql(mend) : mend())
    }
    await rig.isWell()
  })
}

t.test('an old change that nobody takes is named', async (t) => {
  rig.service.freeze() // for a moment only, so that it is not yet called frozen
  try {
    await sql(`insert into nemo_mqtt.change_log (at, tbl, op, new)
               values (now() - interval '3 minutes', 'NEMO_project', 'I', '{"id": 1}')`)
    const found = /1 changes wait, the oldest for 18\d s/
    await rig.names(t, { code: 'CHANGE_LOG', level: 'warning', found })
  } finally {
    await sql('delete from nemo_mqtt.change_log')
    rig.service.thaw()
  }
  await rig.isWell()
})

t.test('dead rows are named, and the session that holds them', async (t) => {
  const holder = new pg.Client({ connectionString: laboratory.databaseUrl, application_name: 'forgotten' })
  await holder.connect()
  try {
    await holder.query('begin isolation level repeatable read; select 1 from nemo_mqtt.installation')
    await sql(`begin; insert into nemo_mqtt.change_log (tbl, op) select 'x', 'I' from generate_series(1, 60000);
               delete from nemo_mqtt.change_log where tbl = 'x'; commit`)
    const todo = /end the session \d+ of postgres \(forgotten\)/
    await rig.names(t, { code: 'CHANGE_LOG_BLOAT', level: 'warning', found: /6000\d dead rows/, todo })
  } finally {
    await holder.end()
    await sql('vacuum nemo_mqtt.change_log')
  }
  await rig.isWell()
})

t.test('a database without NEMO, and one that is not there', async (t) => {
  await postgres.createDatabase('empty')
  const empty = postgres.url('empty', 'sidecar')
  await rig.names(t, { code: 'NEMO_FOUND', found: /there is no NEMO in this database/ }, { databaseUrl: empty })
  const none = postgres.url('nowhere', 'sidecar')
  await rig.names(
    t,
    { code: 'DB_REACHABLE', found: /"nowhere".*does not exist/, todo: /name of the database/ },
    { databaseUrl: none },
  )
})

t.test('a database in which nothing of ours is', async (t) => {
  await postgres.execute('postgres', 'create database bare')
  await postgres.execute('bare', 'create table "NEMO_tool" (id int, name text); grant select on "NEMO_tool" to public')
  const report = await rig.check({ databaseUrl: postgres.url('bare', 'sidecar') })
  const blamed = report.results.filter(({ level }) => level === 'critical')
  t.strictSame(
    blamed.map(({ code }) => code),
    ['MIGRATIONS'],
  )
  t.match(blamed[0]?.todo, /nemo-mqtt migrate/)
})

t.test('C08 a pooler that swallows notifications is named', async (t) => {
  const deaf = await startDeafProxy(t, postgres.port)
  const found = /NOTIFY does not arrive.*PgBouncer/
  const url = laboratory.serviceUrl.replace(`:${postgres.port}/`, `:${deaf}/`)
  const todo = /address of PostgreSQL itself/
  await rig.names(t, { code: 'NOTIFICATIONS', level: 'warning', found, todo }, { databaseUrl: url })
})

const pgbouncer = findProgram('pgbouncer')
t.test('C08 PgBouncer in transaction mode is named', { skip: pgbouncer === undefined }, async (t) => {
  const port = await startPgBouncer(t, pgbouncer ?? '', postgres.port)
  const url = laboratory.serviceUrl.replace(`:${postgres.port}/`, `:${port}/`)
  const found = /a pooler in transaction mode \(PgBouncer\) stands before PostgreSQL/
  await rig.names(t, { code: 'NOTIFICATIONS', level: 'warning', found }, { databaseUrl: url })
})

t.test('a service that has frozen is named', async (t) => {
  const databaseUrl = postgres.url('frozen', 'sidecar')
  const isFrozen = async (): Promise<boolean> =>
    (await rig.check({ databaseUrl })).results.some(({ code, level }) => code === 'SERVICE' && level === 'critical')
  await until(isFrozen, { deadlineMs: 20_000, everyMs: 300, what: 'the service to count as frozen' })
  const expected = { code: 'SERVICE', found: /not been heard of for \d+ s: it has frozen/, todo: /restart/ } as const
  const report = await rig.check({ databaseUrl })
  // The other laboratory's service owns the Redis list, which is a fault of its own here.
  judge(t, { ...report, results: report.results.filter(({ code }) => code !== 'QUEUE_OWNER') }, expected)
})

t.test('the service does not run', async (t) => {
  await rig.service.stop()
  await sql(`insert into nemo_mqtt.change_log (at, tbl, op, new)
             values (now() - interval '3 minutes', 'NEMO_project', 'I', '{"id": 1}')`)
  const found = /no service is active/
  const report = await rig.check()
  await rig.names(t, { code: 'SERVICE', found, todo: /systemctl start/ })
  const waiting = report.results.find(({ code }) => code === 'CHANGE_LOG')
  t.match(waiting, { level: 'unknown', because: 'SERVICE', found: /the oldest for 18\d s: a consequence of SERVICE/ })
})
