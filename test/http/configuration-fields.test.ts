import t from 'tap'
import { draftOf } from '../../src/config/draft.ts'
import { edited } from '../../src/config/edit.ts'
import { fromEnvironment } from '../../src/config/environment.ts'
import { SETTING_GROUPS } from '../../src/config/groups.ts'
import { problemsOf, resolveSettings } from '../../src/config/resolve.ts'
import { SECRET_NAMES, SETTINGS, STORABLE_NAMES } from '../../src/config/settings.ts'
import { fromStored } from '../../src/config/stored.ts'
import { fieldGroups, machineSettings } from '../../src/http/configuration/fields.ts'

const KEY = 'a key for the tests of fields'
const environment = fromEnvironment({
  NEMO_MQTT_DATABASE_URL: 'postgres://nemo:pw-of-the-database@localhost/nemo',
  NEMO_MQTT_CONFIG_KEY: KEY,
  NEMO_MQTT_BROKER_PORT: '1999',
  NEMO_MQTT_TLS_KEY_PASSPHRASE: 'a passphrase',
})

t.test('every setting that can be stored is in exactly one group, with what the schema says of it', async (t) => {
  t.strictSame(SETTING_GROUPS.flatMap(({ names }) => names).sort(), [...STORABLE_NAMES].sort())
  const fields = fieldGroups(environment).flatMap(({ fields: some }) => some)
  for (const { name, help, kind, words = [], fallback } of fields) {
    t.ok(help !== '', name)
    t.equal(kind === 'secret', SECRET_NAMES.includes(name as never), name)
    if (kind === 'choice') t.ok(words.includes(String(fallback)), name)
    if (kind !== 'secret') t.not(fallback, null, name)
  }
  t.match(
    fields.find(({ name }) => name === 'broker_port'),
    {
      label: 'Broker port',
      kind: 'integer',
      minimum: 1,
      maximum: 65_535,
      fixed: { variable: 'NEMO_MQTT_BROKER_PORT' },
    },
  )
  t.equal(fields.find(({ name }) => name === 'hmac_secret_key')?.label, 'HMAC secret key')
})

t.test('what is of the machine is listed, secrets without their values', async (t) => {
  const machine = machineSettings(environment)
  t.equal(machine.length, Object.keys(SETTINGS.properties).length - STORABLE_NAMES.length)
  t.match(
    machine.find(({ variable }) => variable === 'NEMO_MQTT_DATABASE_URL'),
    { isSet: true, from: 'environment', value: undefined },
  )
  t.notMatch(JSON.stringify([machine, fieldGroups(environment)]), /pw-of-the-database|a passphrase|a key for/)
})

t.test('a draft means what it will mean when it is stored', async (t) => {
  const free = fromEnvironment({ NEMO_MQTT_DATABASE_URL: 'postgres://h/d', NEMO_MQTT_CONFIG_KEY: KEY })
  const stored = {
    name: 'lab',
    enabled: true,
    settings: edited({}, { set: { password: 'p', username: 'u' }, unset: [] }, KEY),
  }
  const edits = [
    { set: {}, unset: [] },
    { set: { keepalive: '7', use_hmac: 'true', hmac_secret_key: 'k' }, unset: ['username', 'password'] },
    { set: { password: 'another', clean_session: false, topic_prefix: '/a/b/' }, unset: [] },
    { set: { keepalive: true, broker_port: 'many' }, unset: ['username'] },
    { set: { use_hmac: true }, unset: [] },
  ]
  for (const edit of edits) {
    const draft = draftOf(stored, edit, KEY)
    const saved = fromStored({ ...stored, settings: edited(stored.settings, edit, KEY) }, KEY)
    const names = (source: typeof draft): string[] => problemsOf(free, source).map(({ name }) => name)
    t.strictSame(names(draft), names(saved), JSON.stringify(edit))
    if (names(draft).length === 0) t.strictSame(resolveSettings(free, draft), resolveSettings(free, saved))
  }
  t.strictSame(
    problemsOf(free, draftOf(stored, { set: { keepalive: true, broker_port: 'many' }, unset: ['username'] }, KEY)).map(
      ({ name, problem }) => `${name}: ${problem}`,
    ),
    [
      'keepalive: a value of type boolean cannot be its value',
      'broker_port: "many" must be integer',
      'username: is missing although a password is set',
    ],
    'all of them, whatever kind they are of',
  )
})
