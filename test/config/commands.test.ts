import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { temporaryFolder } from '../../lab/folder.ts'
import { freePort } from '../../lab/port.ts'
import { uninstall } from '../../src/db/uninstall.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { silent, startLab } from '../db/database.ts'
import { CONFIG_KEY, ConfigBench } from './bench.ts'

const lab = await startLab(t)
const folder = temporaryFolder('config')
const SECRET = 'hunter2-hunter2'

async function bench() {
  const db = await lab.captured()
  return { db, config: new ConfigBench(db.url) }
}

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

t.test('from an empty database to a configuration in force and back', async (t) => {
  const { config } = await bench()
  t.match(await config.list(), { code: 0, text: /environment alone counts/ })
  t.match(await config.show(), { code: 2, notes: /no configuration is enabled[\s\S]*config create NAME/ })
  t.match(await config.create('lab', ['broker_host=mqtt.example.org', 'broker_port=1884', 'use_hmac=true']), {
    code: 0,
    text: /"lab": created/,
    notes: /cannot be enabled yet: [\s\S]*hmac_secret_key of configuration "lab": is missing although use_hmac of/,
  })
  t.match(await config.enable('lab'), { code: 2, notes: /"lab" is not enabled: [\s\S]*is missing although/ })
  t.match(await config.set('lab', ['hmac_secret_key=-'], `${SECRET}\n`), {
    code: 0,
    notes: /it is not enabled: nemo-mqtt config enable lab/,
  })
  t.match(await config.enable('lab'), { code: 0, notes: /takes it over within 2 s/ })
  t.match(await config.list(), { text: '* lab' })
  t.strictSame(JSON.parse((await config.list(true)).text), [{ name: 'lab', enabled: true, usable: true }])
  const { text: page } = await config.show()
  t.match(page, /broker_port +1884 +configuration\n/)
  t.match(page, /keepalive +8 +default\n/)
  t.match(page, /hmac_secret_key +set +configuration\n/)
  t.match(page, /\npassword +not set +default\n/)
  t.match(page, /database_url +set +environment \(fixed by NEMO_MQTT_DATABASE_URL\)/)
  t.match(await config.delete('lab'), {
    code: 1,
    notes: /stops sending[\s\S]*NOT_CONFIRMED[\s\S]*config delete lab --yes/,
  })
  t.match(await config.delete('lab', false, async () => 'no'), { code: 1, notes: /not confirmed/ })
  t.match(await config.delete('lab', false, async () => 'yes'), { code: 0 })
  t.match(await config.undo(), { code: 0, notes: /it is not enabled/ })
  t.match(await config.list(), { text: '  lab' }, 'what was deleted while enabled comes back not enabled')
  t.match(await config.enable('lab'), { code: 0 }, 'with its secret')
})

t.test('every problem at once, with what was meant; nothing is changed', async (t) => {
  const { config, db } = await bench()
  await config.create('lab')
  const { code, notes } = await config.set('lab', [
    'broker_prot=1',
    'redis_url=redis://x',
    'username=',
    'keepalive',
    `password=${SECRET}`,
    `hmac_secert_key=${SECRET}`,
    'topic_prefix=a',
    'topic_prefix=b',
  ])
  t.equal(code, 2)
  for (const part of [
    /broker_prot: there is no such setting; do you mean broker_port\?/,
    /redis_url: comes from the environment only/,
    /username: has no value; nemo-mqtt config unset/,
    /keepalive: write key=value/,
    /password: is a secret, which the shell would remember: key=- reads standard input, key=@FILE/,
    /hmac_secert_key: .*do you mean hmac_secret_key/,
    /topic_prefix: is given twice/,
  ]) {
    t.match(notes, part)
  }
  t.notMatch(notes, SECRET)
  t.strictSame(await db.sql('select settings from nemo_mqtt.configuration'), [{ settings: {} }])
  t.match(await config.set('lba', ['keepalive=5']), { code: 2, notes: /no configuration "lba"[\s\S]*there are "lab"/ })
  t.match(await config.create('lab'), { code: 2, notes: /already/ })
  t.match(await config.create('../x'), { code: 2, notes: /cannot be the name/ })
  t.match(await config.set('lab', ['password=-', 'hmac_secret_key=-']), { code: 2, notes: /only one secret/ })
  t.match(await config.set('lab', ['password=-'], '\n'), { code: 2, notes: /password: is empty/ })
  t.match(await config.set('lab', ['password=@/none']), { code: 2, notes: /password: cannot be read: ENOENT/ })
  t.match(await config.undo('x'), { code: 2, notes: /no number of a change/ })
  t.match(await config.undo('999'), { code: 2, notes: /no change 999/ })
})

t.test('an unusable configuration is stored and not enabled; the enabled one cannot become unusable', async (t) => {
  const { config, db } = await bench()
  await config.create('lab', ['keepalive=7'])
  await config.enable('lab')
  const before = await db.sql('select * from nemo_mqtt.configuration')
  for (const wrong of ['keepalive=0', 'broker_protocol=tcp', 'use_hmac=true', 'topic_prefix=a/#', 'broker_port=many']) {
    t.match(
      await config.set('lab', [wrong]),
      { code: 2, notes: /is enabled and must stay usable, so nothing was/ },
      wrong,
    )
  }
  t.strictSame(await db.sql('select * from nemo_mqtt.configuration'), before)
  await config.set('lab', ['use_hmac=true', `hmac_secret_key=@${file('key', SECRET)}`])
  t.match(await config.unset('lab', ['hmac_secret_key']), { code: 2, notes: /must stay usable/ })
  t.match(await config.unset('lab', ['hmac_secret_key', 'use_hmac']), { code: 0 })
  t.match(await config.unset('lab', ['keepaliv']), {
    code: 2,
    notes: /is not in this configuration; do you mean keepalive/,
  })
  t.match(await config.create('other', ['keepalive=0', 'broker_protocol=tcp']), {
    code: 0,
    notes:
      /keepalive of configuration "other": 0 must be >= 1[\s\S]*mqtt, mqtts, ws, wss|mqtt, mqtts, ws, wss[\s\S]*must be >= 1/,
  })
  t.match(await config.enable('other'), { code: 2, notes: /is not enabled/ })
  t.match(await config.list(), { text: /\* lab\n {2}other \(cannot be used/ })
})

t.test('secrets: sealed where they lie, never shown, and refused without a key', async (t) => {
  const { config, db } = await bench()
  await config.create('lab', ['username=u'])
  const keyless = config.with({ NEMO_MQTT_CONFIG_KEY: '' })
  t.match(await keyless.set('lab', ['password=-'], SECRET), {
    code: 2,
    notes: /only encrypted[\s\S]*NEMO_MQTT_CONFIG_KEY/,
  })
  await config.set('lab', ['password=-'], `${SECRET}\r\n`)
  const stored = JSON.stringify(await db.sql('select settings from nemo_mqtt.configuration'))
  t.match(stored, /"password":\{"sealed":"v1:/)
  t.notMatch(stored, SECRET)
  await config.set('lab', [`password=@${file('pw', `${SECRET}-2\n`)}`])
  const wrong = config.with({ NEMO_MQTT_CONFIG_KEY: 'another key, just as long' })
  t.match(await wrong.enable('lab'), { code: 2, notes: /password of configuration "lab": .*is not the key with which/ })
  t.match(await keyless.enable('lab'), { code: 2, notes: /NEMO_MQTT_CONFIG_KEY is not set/ })
  t.match(await config.create('copy', [], 'lab'), { code: 0 })
  t.match(await config.enable('copy'), { code: 0 }, 'a copy keeps its secret')
  await db.sql(
    `update nemo_mqtt.configuration set settings = settings || '{"pasword": "${SECRET}"}' where name = 'lab'`,
  )
  await db.sql(
    `update nemo_mqtt.configuration set settings = settings || '{"password": "${SECRET}"}' where name = 'lab'`,
  )
  const all = await Promise.all([
    config.list(true),
    config.show('lab'),
    config.show('lab', true),
    config.history(),
    config.history('lab', true),
    config.export('lab'),
    config.enable('lab'),
  ])
  for (const said of all) t.notMatch(JSON.stringify(said), /hunter2|v1:/)
  t.match(all[3]?.text, /password changed/)
  t.match(all[6], { code: 2, notes: /password .*stored without encryption[\s\S]*|pasword .*do you mean password/ })
})

t.test('what the environment fixes is shown as fixed, and said to be without effect', async (t) => {
  const { config } = await bench()
  await config.create('lab', ['broker_port=1884'])
  const fixed = config.with({ NEMO_MQTT_BROKER_PORT: '1999', NEMO_MQTT_USERNAME: 'u', NEMO_MQTT_PASSWORD: SECRET })
  const { text: page } = await fixed.show('lab')
  t.match(page, /broker_port +1999 +environment \(fixed by NEMO_MQTT_BROKER_PORT; what is stored is without effect\)/)
  t.match(page, /\npassword +set +environment/)
  t.notMatch(page, SECRET)
  t.match(await fixed.set('lab', ['broker_port=1885']), { code: 0, notes: /broker_port: without effect/ })
  const shown = JSON.parse((await fixed.show('lab', true)).text) as { settings: Array<{ name: string }> }
  t.match(
    shown.settings.find(({ name }) => name === 'broker_port'),
    { value: '1999', isSet: true, from: 'environment', isOverruled: true },
  )
})

t.test('history tells who changed what; undo takes back, and is taken back', async (t) => {
  const { config, db } = await bench()
  await config.create('lab', ['keepalive=5', 'client_id=a b'])
  await config.set('lab', ['keepalive=6', 'broker_port=1884', `password=@${file('p', SECRET)}`, 'username=u'])
  await config.unset('lab', ['client_id'])
  await db.sql(`update nemo_mqtt.configuration set settings = settings || '{"keepalive": 7}'`)
  const { text: page } = await config.history('lab')
  const lines = page.split('\n')
  t.match(lines[0], / {2}postgres {2}"lab": keepalive 6 -> 7$/, 'psql too')
  t.match(lines[1], 'client_id unset')
  t.match(lines[2], /broker_port 1884, keepalive 5 -> 6, password set, username u$/)
  t.match(lines[3], /created, client_id "a b", keepalive 5$/)
  t.match(lines[3], `${userInfo().username}@${hostname()}`)
  t.match(await config.undo(), { code: 0, text: /"lab": change \d+ of postgres is taken back/ })
  t.match((await config.show('lab')).text, /keepalive +6 /)
  t.match(await config.undo(), { code: 0 })
  t.match((await config.show('lab')).text, /keepalive +7 /, 'the taking back is taken back')
  const [, , , , , first] = JSON.parse((await config.history('lab', true)).text) as Array<{
    id: string
    deeds: string[]
  }>
  t.strictSame(first?.deeds, ['created'])
  await config.enable('lab')
  t.match(await config.undo(), { code: 2, notes: /only enabled or disabled "lab"[\s\S]*config enable NAME/ })
  t.match(await config.undo(first?.id), {
    code: 2,
    notes: /"lab" is enabled: to take back its creation is to delete it/,
  })
  await config.create('b')
  await config.enable('b')
  t.match(await config.undo(), { code: 2, notes: /config enable "lab"/ }, 'it names the one that was enabled')
  t.match(await config.undo(first?.id), { code: 0, notes: /not there any more/ })
  t.match(await config.undo(first?.id), { code: 2, notes: /not there any more/ })
  await config.set('b', ['use_hmac=true', `hmac_secret_key=@${file('k', SECRET)}`])
  await config.unset('b', ['use_hmac', 'hmac_secret_key'])
  await config.enable('b')
  const wrong = config.with({ NEMO_MQTT_CONFIG_KEY: 'another key, just as long' })
  t.match(await wrong.undo(), { code: 2, notes: /must stay usable/ }, 'not to what cannot be used')
  await db.sql(`update nemo_mqtt.configuration set name = 'c' where name = 'b'`)
  t.match(await config.history('c'), { text: /renamed from "b"/ })
  t.match(await config.undo(), { code: 0 })
  t.match(await config.list(), { text: /\* b/ })
})

t.test('export and import: all but the secrets; mistakes by line and column, and all of them', async (t) => {
  const { config } = await bench()
  await config.create('lab', [
    'keepalive=5',
    'use_hmac=true',
    'topic_prefix=lab/west',
    `password=@${file('x', SECRET)}`,
  ])
  const exported = (await config.export('lab')).text
  t.strictSame(JSON.parse(exported), {
    name: 'lab',
    settings: { keepalive: 5, topic_prefix: 'lab/west', use_hmac: true },
    secrets: ['password'],
  })
  t.match(await config.import(exported), { code: 2, notes: /"lab" already/ })
  t.match(await config.import(`\ufeff${exported}`, 'two'), { code: 0, notes: /config set "two" password=-/ })
  t.match((await config.export('two')).text, /"topic_prefix": "lab\/west"/)
  const broken: ReadonlyArray<readonly [string, RegExp]> = [
    ['{\n  "name": "x",\n  "settings": {"a" 1}\n}', /line 3, column 20/],
    ['{\n "name": "x"', /line 2, column 13/],
    ['', /line 1, column 1/],
    ['{"name": "x", "name": "y"}', /Duplicate key 'name'/],
    ['[]', /holds no object/],
    ['{}', /name: is missing[\s\S]*settings: is missing/],
    [
      `{"name": "x", "sittings": 1, "settings": {"keepalife": 1, "broker_port": null, "password": "${SECRET}", "config_key": "x"}}`,
      /sittings: is unknown here[\s\S]*keepalife: .*mean keepalive[\s\S]*broker_port: null cannot[\s\S]*password: is a secret[\s\S]*config_key: comes from the env/,
    ],
    ['{"settings": {"__proto__": {"x": 1}}, "name": "x"}', /no such setting|created/],
  ]
  for (const [given, why] of broken) {
    const said = await config.import(given)
    t.match(said.notes + said.text, why, given.slice(0, 40))
    t.notMatch(said.notes, SECRET)
  }
  t.match(await config.list(), { text: /^ {2}lab/ })
})

const PLUGIN_TABLE = `
create table nemo_mqtt_mqttconfiguration (id serial primary key, name text, enabled boolean, broker_host text,
  broker_port int, keepalive int, client_id text, username text, password text, topic_prefix text, qos_level int,
  retain_messages boolean, clean_session boolean, auto_reconnect boolean, reconnect_delay int,
  max_reconnect_attempts int, log_messages boolean, log_level text, created_at timestamptz, updated_at timestamptz,
  use_hmac boolean, hmac_secret_key text, hmac_algorithm text);
insert into nemo_mqtt_mqttconfiguration values
  (1, 'Default MQTT Configuration', false, 'localhost', 1883, 60, 'nemo-mqtt-client', null, '', 'nemo', 1, false, true,
   true, 5, 10, true, 'INFO', now(), now(), false, null, 'sha256'),
  (2, ' Labor „Süd“ / 1', true, 'mqtt.lab', 8883, 8, '', 'nemo', '${SECRET}', 'lab', 2, true, true, true, 5, 0, false,
   'DEBUG', now(), now(), true, '${SECRET}-key', 'sha512'),
  (3, '日本', true, 'h', 1883, 8, null, null, null, null, 1, false, true, true, 5, 0, false, 'INFO', now(), now(), false,
   null, null),
  (4, 'Default: MQTT Configuration', false, 'localhost', 1883, 8, '', '', '', 'nemo', 1, false, true, true, 5, 0, false,
   'INFO', now(), now(), false, '', 'sha256'),
  (5, 'Default/ MQTT Configuration', false, 'localhost', 1883, 8, '', '', '', 'nemo', 1, false, true, true, 5, 0, false,
   'INFO', now(), now(), false, '', 'sha256');
create table nemo_mqtt_mqtteventfilter (id serial primary key, event_type text, enabled boolean, topic_override text,
  include_payload boolean, created_at timestamptz, updated_at timestamptz);
insert into nemo_mqtt_mqtteventfilter (event_type, enabled, topic_override) values ('tool_saved', false, null),
  ('area_saved', true, 'rooms/x'), ('usage_event_saved', true, '')`

t.test('import from the Python plugin: what means the same, the rest by name; the plugin keeps its own', async (t) => {
  const { config, db } = await bench()
  t.match(await config.importFromPlugin(), { code: 2, notes: /no table nemo_mqtt_mqttconfiguration/ })
  await db.sql(PLUGIN_TABLE)
  const before = await db.sql('select * from nemo_mqtt_mqttconfiguration order by id')
  const keyless = config.with({ NEMO_MQTT_CONFIG_KEY: '' })
  t.match(await keyless.importFromPlugin(), { code: 2, notes: /NEMO_MQTT_CONFIG_KEY/ })
  t.match(await config.list(), { text: /environment alone/ }, 'all or nothing')
  const { code, text: page, notes } = await config.importFromPlugin()
  t.equal(code, 0)
  t.strictSame(page.split('\n'), [
    'configuration "Default MQTT Configuration": created',
    'configuration "Labor -Sud- - 1": created, from " Labor „Süd“ / 1"',
    'configuration "plugin 3": created, from "日本"',
    'configuration "Default- MQTT Configuration": created, from "Default: MQTT Configuration"',
    'configuration "Default- MQTT Configuration-2": created, from "Default/ MQTT Configuration"',
  ])
  for (const part of [
    /client_id nemo-mqtt-client is not imported/,
    /topic_prefix lab is not imported: the plugin ignored it, and its topics began with nemo\//,
    /qos_level 2 is not imported/,
    /hmac_algorithm sha512 is not imported/,
    /keepalive 60: a dead link is noticed after 90 s/,
    /max_reconnect_attempts 10: the service ends/,
    /the plugin used " Labor/,
    /each tells its events in dialect plugin/,
    /the filter of tool_saved \(not to be sent\) is not applied: the plugin ignored it/,
    /the filter of area_saved \(topic rooms\/x\) is not applied/,
    /config enable 'Labor -Sud- - 1'/,
  ]) {
    t.match(notes, part)
  }
  t.notMatch(notes, /usage_event_saved/, 'a filter that wants nothing')
  t.notMatch(page + notes, SECRET)
  t.match(JSON.parse((await config.export('Labor -Sud- - 1')).text), {
    settings: {
      dialect: 'plugin',
      broker_host: 'mqtt.lab',
      broker_port: 8883,
      username: 'nemo',
      use_hmac: true,
      log_level: 'DEBUG',
    },
    secrets: ['hmac_secret_key', 'password'],
  })
  t.notMatch(JSON.stringify(await db.sql('select * from nemo_mqtt.configuration')), SECRET)
  t.match(await config.enable('Labor -Sud- - 1'), { code: 0 })
  t.match(await config.importFromPlugin(), { code: 0, text: '', notes: /is stored already, and was left as it is/ })
  t.strictSame(await db.sql('select * from nemo_mqtt_mqttconfiguration order by id'), before)
  await db.sql('create role humble login; select nemo_mqtt.grant_service($$humble$$)')
  const humble = new ConfigBench(lab.server.url(db.name, 'humble'))
  t.match(await humble.importFromPlugin(), { code: 1, notes: /ERR_RIGHTS: this role may not read/ })
  t.match(await humble.set('plugin 3', ['keepalive=9']), { code: 0 }, 'the role of the service may do the rest')
  await t.rejects((await db.again('humble')).sql(`delete from nemo_mqtt.configuration_history`), { code: '42501' })
})

t.test('changes at the same time: one is enabled in the end, none is lost, nobody sees a deadlock', async (t) => {
  const { config, db } = await bench()
  for (const name of ['a', 'b', 'c']) await config.create(name)
  const work = [0, 1, 2, 3, 4, 5].flatMap((n) => [
    config.enable(['a', 'b', 'c'][n % 3] ?? ''),
    config.set('a', [[`keepalive=${n + 1}`, `broker_port=${n + 1}`][n % 2] ?? '']),
  ])
  for (const said of await Promise.all(work)) t.equal(said.code, 0, said.notes)
  const rows = await db.sql('select name from nemo_mqtt.configuration where enabled')
  t.equal(rows.length, 1)
  t.strictSame(Object.keys(JSON.parse((await config.export('a')).text).settings as object), [
    'broker_port',
    'keepalive',
  ])
  // Another session enables it while the settings are about to become unusable: whoever comes second sees it.
  await config.enable('b')
  const holder = await db.again()
  t.teardown(() => holder.close())
  await holder.sql('begin; lock table nemo_mqtt.configuration in share row exclusive mode')
  const both = Promise.all([config.set('a', ['keepalive=0']), config.enable('a')])
  await holder.sql('commit')
  const codes = (await both).map(({ code }) => code)
  t.strictSame(codes.sort(), [0, 2], 'one of the two is refused')
})

t.test('what psql does is in the history too: rename, truncate; uninstalling leaves nothing', async (t) => {
  const { config, db } = await bench()
  await config.create('lab', ['keepalive=5'])
  await db.sql(`insert into nemo_mqtt.configuration (name, enabled) values ('two', true)`)
  await db.sql(`update nemo_mqtt.configuration set updated_at = now()`)
  await db.sql('truncate nemo_mqtt.configuration')
  t.match(
    (await config.history()).text,
    /"two": deleted, disabled\n.*"lab": deleted\n.*"two": created, enabled\n.*"lab": cr/,
  )
  t.match(await config.undo(), { code: 0 })
  t.match(await config.list(), { text: '  two' })
  if (!lab.hasClientPrograms) return t.comment('no pg_dump here: what is left behind is not looked at')
  await uninstall({ url: db.url, print: silent, confirm: async () => true })
  t.equal(await db.dump(), await (await lab.nemo()).dump())
})

t.test('test: names the layer that fails, and the program says what people see', async (t) => {
  const broker = await startBroker()
  t.teardown(() => broker.kill())
  const { config } = await bench()
  const at = config.with({ NEMO_MQTT_BROKER_HOST: '127.0.0.1', NEMO_MQTT_BROKER_PORT: String(broker.port) })
  t.match(
    await at.test(),
    { code: 0, text: /ok +readBack +a message went through the broker and came back/ },
    'with nothing stored',
  )
  await config.create('lab', ['broker_host=127.0.0.1', `broker_port=${broker.port}`, 'use_hmac=true'])
  t.match(await config.test('lab'), { code: 2, notes: /hmac_secret_key of configuration "lab": is missing/ })
  await config.set('lab', ['hmac_secret_key=-'], SECRET)
  t.match(await config.test('lab'), { code: 0, text: /ok +readBack/ })
  t.match(await config.test(), { code: 2, notes: /no configuration is enabled/ })
  await config.set('lab', [`broker_port=${await freePort()}`])
  t.match(await config.test('lab'), {
    code: 1,
    text: /ok +dns[\s\S]*critical +tcp +.*refuses connections[\s\S]*Try: start the broker/,
  })
  await config.set('lab', ['broker_host=no-such-host.invalid'])
  t.match(await config.test('lab'), { code: 1, text: /critical +dns/ })
})

t.test('the program itself: standard input, exit codes, JSON alone on standard output', async (t) => {
  const { db } = await bench()
  const run = async (given: string[], input = '') => {
    const program = join(PACKAGE_ROOT, 'dist', 'bin', 'nemo-mqtt.js')
    const env = { PATH: process.env.PATH, NEMO_MQTT_DATABASE_URL: db.url, NEMO_MQTT_CONFIG_KEY: CONFIG_KEY }
    const child = spawn(process.execPath, [program, 'config', ...given], { env })
    child.stdin.end(input)
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code, stdout, stderr }
  }
  t.match(await run(['create', '007', 'username=123', 'password=-'], `${SECRET}\n`), {
    code: 0,
    stdout: /"007": created/,
  })
  const shown = await run(['show', '007', '--json'])
  t.match(JSON.parse(shown.stdout), { name: '007', usable: true })
  t.match(shown.stdout, /"username",\n +"value": "123"/)
  t.match(await run(['delete', '007', 'more']), { code: 2, stderr: /ERR_CONFIG/ })
  t.match(await run([]), { code: 2, stderr: /say what to do with the configurations/ })
  t.match(await run(['set', '007', 'nonsense=1']), { code: 2, stderr: /nemo-mqtt: NEMO_MQTT_ERR_CONFIG: nothing was/ })
})
