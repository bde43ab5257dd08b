import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect, promisify } from 'node:util'
import pg from 'pg'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { startRedis } from '../../lab/redis.ts'
import { migrateDatabase } from '../../src/commands/migrate.ts'
import { databaseSection, type StatusReader, showStatus } from '../../src/commands/status.ts'
import { uninstallDatabase } from '../../src/commands/uninstall.ts'
import { connect } from '../../src/db/database.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { silent, startLab } from './database.ts'

const lab = await startLab(t)
const redis = await startRedis()
t.teardown(() => redis.stop())
const folder = temporaryFolder('commands')
const at = (url: string): NodeJS.ProcessEnv => ({ NEMO_MQTT_DATABASE_URL: url })

/** Runs the program that people run. */
async function cli(url: string, ...given: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const environment = { PATH: process.env.PATH, ...at(url), NEMO_MQTT_REDIS_URL: redis.url }
  try {
    const program = join(PACKAGE_ROOT, 'dist', 'bin', 'nemo-mqtt.js')
    return { code: 0, ...(await promisify(execFile)(process.execPath, [program, ...given], { env: environment })) }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, stderr }
  }
}

async function status(url: string): Promise<{ code: number; text: string; json: unknown }> {
  const lines: string[] = []
  const code = await showStatus({}, at(url), (line) => lines.push(line), [databaseSection])
  const json: string[] = []
  t.equal(await showStatus({ json: true }, at(url), (line) => json.push(line), [databaseSection]), code)
  return { code, text: lines.join('\n'), json: JSON.parse(json.join('')) }
}

t.test('from nothing to everything and back, as a person would', async (t) => {
  const db = await lab.nemo()
  const start = performance.now()
  t.match(await cli(db.url, 'status'), { code: 1, stdout: /migrations +0 applied, \d+ pending: 000001_change_log/ })
  t.ok(performance.now() - start < 8_000, 'no connection keeps the program from ending')
  t.match(await cli(db.url, 'migrate', '--dry-run'), {
    code: 0,
    stdout: /create table if not exists nemo_mqtt.change_log/,
  })
  t.match(await cli(db.url, 'migrate', '--create-role'), {
    code: 2,
    stderr: /NEMO_MQTT_ERR_CONFIG.*\n.*--service-role NAME/,
  })
  t.match(await cli(db.url, 'migrate', '--service-role', 'person', '--create-role'), {
    code: 0,
    stdout: /000001_change_log: applied[\s\S]*role person: created, without a password/,
  })
  t.match(await cli(db.url, 'status'), { code: 0, stdout: /NEMO +NEMO 8\.1\.0[\s\S]*NEMO_tool +captured/ })
  t.match(await cli(lab.server.url(db.name, 'person'), 'status'), { stdout: /captured/ }, 'the service may ask too')
  await db.sql(`update "NEMO_tool" set name = 'x' where id = 1`)
  t.match(await cli(db.url, 'uninstall'), { code: 1, stderr: /NEMO_MQTT_ERR_NOT_CONFIRMED[\s\S]*uninstall --yes/ })
  t.match(await cli(db.url, 'uninstall', '--yes'), {
    code: 0,
    stdout: /1 changes were not delivered yet and are dropped/,
  })
  t.match(await cli(db.url, 'uninstall', '--yes'), { code: 0, stdout: /nothing to remove/ })
})

t.test('status tells what waits, what was set aside and what is wrong', async (t) => {
  const db = await lab.captured()
  t.match(await status(db.url), { code: 0, text: /change log +empty\nunmapped +none$/ })
  await db.sql(
    `update "NEMO_tool" set name = 'x' where id = 1; update nemo_mqtt.change_log set at = now() - interval '1 hour'`,
  )
  await db.sql(`insert into nemo_mqtt.unmapped (id, at, tbl, op, reason, set_aside_at)
    select g, now(), 'NEMO_task', 'UPDATE', 'reason ' || g, now() + g * interval '1 s' from generate_series(1, 7) g`)
  await db.sql('drop trigger nemo_mqtt_capture on "NEMO_area"')
  await db.sql(`alter database "${db.name}" set nemo_mqtt.notify = off`)
  const { code, text, json } = await status(db.url)
  t.equal(code, 1)
  t.match(text, /change log +1 waiting, the oldest for 36\d\d s/)
  t.match(text, /unmapped +7 set aside\n +7 of NEMO_task: reason 7\n(.*\n){4}note/)
  t.notMatch(text, /reason 2/, 'the newest few')
  t.match(text, /NEMO_area +NOT captured\nNEMO_areaaccessrecord +captured/)
  t.match(text, /WRONG +NEMO_area: the trigger nemo_mqtt_capture is missing\n +Try: nemo-mqtt migrate/)
  t.match(text, /note +notifications are off/)
  t.match(json, {
    database: { log: { depth: 1 }, unmapped: { count: 7 }, drift: [{ code: 'trigger_missing', table: 'NEMO_area' }] },
  })
  await db.sql(`alter database "${db.name}" set nemo_mqtt.capture = off`)
  t.notMatch((await status(db.url)).text, / {2}captured/, 'paused is not captured')
})

t.test('other parts of the status join in', async (t) => {
  const other: StatusReader = async () => ({ title: 'queue', lines: ['queue  3'], json: { length: 3 }, isWrong: true })
  const lines: string[] = []
  t.equal(await showStatus({ json: true }, {}, (line) => lines.push(line), [other]), 1)
  t.strictSame(JSON.parse(lines.join('')), { queue: { length: 3 } })
})

t.test('a person is asked, and only yes is yes', async (t) => {
  const db = await lab.captured()
  const asked: string[] = []
  const answering = (answer: string) => async (question: string) => {
    asked.push(question)
    return answer
  }
  await t.rejects(uninstallDatabase({}, at(db.url), silent, answering('y')), { code: 'NEMO_MQTT_ERR_NOT_CONFIRMED' })
  t.equal((await db.sql(`select from pg_namespace where nspname = 'nemo_mqtt'`)).length, 1)
  t.equal(await uninstallDatabase({}, at(db.url), silent, answering(' Yes\n')), 0)
  t.equal(asked.length, 2)
  t.equal((await db.sql(`select from pg_namespace where nspname = 'nemo_mqtt'`)).length, 0)
})

t.test('URL and password may come from files', async (t) => {
  const db = await lab.nemo()
  const file = join(folder, 'secret')
  writeFileSync(file, 'from a file\n')
  writeFileSync(`${file}.url`, `${db.url}\n`)
  const environment = { NEMO_MQTT_DATABASE_URL_FILE: `${file}.url`, NEMO_MQTT_SERVICE_PASSWORD_FILE: file }
  const lines: string[] = []
  t.equal(
    await migrateDatabase({ 'service-role': 'filed', 'create-role': true }, environment, (line) => lines.push(line)),
    0,
  )
  t.match(await db.sql(`select rolpassword ~ '^SCRAM' as ok from pg_authid where rolname = 'filed'`), [{ ok: true }])
  t.match(lines.join('\n'), /role filed: created\n/)
  await db.sql(`alter database "${db.name}" set nemo_mqtt.capture = off`)
  lines.length = 0
  t.equal(await migrateDatabase({}, environment, (line) => lines.push(line)), 0)
  t.match(lines.join('\n'), /still to be done: capture is off in this database.*\n +Try: alter database/)
  await t.rejects(migrateDatabase({}, { NEMO_MQTT_DATABASE_URL_FILE: join(folder, 'none') }, silent), {
    code: 'NEMO_MQTT_ERR_CONFIG',
  })
  await t.rejects(migrateDatabase({}, {}, silent), { code: 'NEMO_MQTT_ERR_CONFIG' })
  await t.rejects(migrateDatabase({}, at('mysql://x:y@z/w'), silent), { code: 'NEMO_MQTT_ERR_CONFIG' })
})

t.test('a database that cannot be reached is told with a remedy and without the password', async (t) => {
  const { port } = lab.server
  const [{ file = '' } = {}] = await (await lab.nemo()).sql<{ file: string }>(
    `select current_setting('hba_file') as file`,
  )
  const rules = readFileSync(file, 'utf8')
  for (const sql of [
    `set password_encryption = 'scram-sha-256'; create role known login password 'right'`, // PostgreSQL 12 has md5
    'create role barred login',
    'create database closed',
    'revoke connect on database closed from public',
  ]) {
    await lab.server.execute('postgres', sql)
  }
  writeFileSync(file, `host all known all scram-sha-256\nhost all barred all reject\n${rules}`)
  await lab.server.execute('postgres', 'select pg_reload_conf()')
  for (const [url, message, hint] of [
    [
      `postgres://known:topsecret@127.0.0.1:${port}/sample`,
      /password authentication failed/,
      /correct the password of "known"/,
    ],
    [`postgres://known@127.0.0.1:${port}/sample`, /password must be a string/, /give "known" its password/],
    [
      `postgres://stranger:topsecret@127.0.0.1:${port}/sample`,
      /role "stranger" does not exist/,
      /create role "stranger"/,
    ],
    [`postgres://barred:topsecret@127.0.0.1:${port}/sample`, /pg_hba.conf/, /pg_hba.conf/],
    [
      `postgres://postgres:topsecret@127.0.0.1:${port}/nowhere`,
      /database "nowhere" does not exist/,
      /name of the database/,
    ],
    [
      `postgres://known:right@127.0.0.1:${port}/closed`,
      /permission denied for database/,
      /grant connect on database "closed"/,
    ],
    ['postgres://postgres:topsecret@127.0.0.1:1/sample', /ECONNREFUSED/, /PostgreSQL runs on 127\.0\.0\.1/],
    ['postgres://postgres:topsecret@no.such.host.invalid/sample', /ENOTFOUND|EAI_AGAIN/, /no\.such\.host\.invalid/],
    [`postgres://postgres:topsecret@127.0.0.1:${port}/sample?sslmode=require`, /SSL/, /sslmode/],
    [`postgres://postgres:topsecret@localhost/sample?host=${folder}`, /ENOENT/, /no server has its socket in/],
  ] as const) {
    const error: unknown = await connect(url).then(
      () => t.fail(url),
      (thrown) => thrown,
    )
    t.match(error, { code: 'NEMO_MQTT_ERR_DATABASE', message, hint }, url)
    t.notMatch(inspect(error, { depth: 9, showHidden: true }), /topsecret/)
  }
  writeFileSync(file, rules)
  await lab.server.execute('postgres', 'select pg_reload_conf()')
  const error: unknown = await connect('postgres://x:topsecret@/sample').catch((thrown) => thrown)
  t.match(error, { code: 'NEMO_MQTT_ERR_DATABASE' })
  t.notMatch(inspect(error, { depth: 9, showHidden: true }), /topsecret/)
})

t.test('a lost connection does not end the process', async (t) => {
  const db = await lab.captured()
  const { pool, close } = await connect(db.url)
  await db.sql(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  const client = new pg.Client({ connectionString: db.url })
  await client.connect() // time for the news to arrive
  await client.end()
  t.equal((await pool.query('select 1')).rowCount, 1)
  await close()
})
