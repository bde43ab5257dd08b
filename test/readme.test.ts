import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { CHECKS } from '../src/check/catalogue.ts'
import { SECRET_NAMES, SETTINGS, type SettingName } from '../src/config/settings.ts'
import { ERROR_CODES } from '../src/errors.ts'
import { EVENTS } from '../src/event.ts'
import { PACKAGE_ROOT } from '../src/version.ts'

const readme = readFileSync(`${PACKAGE_ROOT}/README.md`, 'utf8')
const scripts = (JSON.parse(readFileSync(`${PACKAGE_ROOT}/package.json`, 'utf8')) as { scripts: object }).scripts

/** The row that the README must have for a setting. */
function settingRow(name: SettingName): string {
  const schema: object = SETTINGS.properties[name]
  const setting = schema as { readonly description?: string; readonly default?: unknown }
  const isShown = setting.default !== undefined && setting.default !== ''
  const isSecret = SECRET_NAMES.includes(name) && name !== 'redis_url'
  const fallback = isShown && !isSecret ? `\`${String(setting.default)}\`` : ''
  return `| \`NEMO_MQTT_${name.toUpperCase()}\` | ${fallback} | ${setting.description} |`
}

t.test('the README lists every setting with its default and meaning, and no other', async (t) => {
  const rows = readme.split('\n').filter((line) => line.startsWith('| `NEMO_MQTT_') && !line.includes('_ERR_'))
  t.same(rows, (Object.keys(SETTINGS.properties) as SettingName[]).map(settingRow))
})

t.test('the README lists every error code with its meaning, and no other', async (t) => {
  const rows = readme.split('\n').filter((line) => line.startsWith('| `NEMO_MQTT_ERR_'))
  t.same(
    rows,
    Object.entries(ERROR_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`),
  )
})

t.test('the README lists every check with its meaning, and no other', async (t) => {
  const section = readme.slice(readme.indexOf('## Checking'), readme.indexOf('## When something is wrong'))
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  t.same(
    rows,
    Object.entries(CHECKS).map(([code, { meaning }]) => `| \`${code}\` | ${meaning} |`),
  )
})

t.test('the README names every event', async (t) => {
  for (const name of Object.keys(EVENTS)) t.match(readme, `\`${name}\``)
})

t.test('every promise of the README names a test that exists', async (t) => {
  const section = readme.slice(readme.indexOf('## Promises'), readme.indexOf('## When something is wrong'))
  const files = [...section.matchAll(/`(test\/[^`]+)`/g)].map((match) => match[1] ?? '')
  t.ok(files.length >= 8, `${files.length} tests are named`)
  for (const file of files) t.ok(existsSync(`${PACKAGE_ROOT}/${file}`), file)
})

t.test('every npm script that the README names exists', async (t) => {
  const names = [...readme.matchAll(/npm run ([a-z:-]+)/g)].map((match) => match[1] ?? '')
  for (const name of names) t.ok(name in scripts, name)
})
