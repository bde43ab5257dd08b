import t from 'tap'
import { Filter } from '../../src/choose/filter.ts'
import { fits } from '../../src/choose/wildcard.ts'
import { readSettings } from '../../src/config/environment.ts'
import { AppError } from '../../src/errors.ts'

const named = (name: string | null, id: string | null = null) => ({ name, id })

function filter(text: string): Filter {
  const read = Filter.read(text)
  if (read instanceof Filter) return read
  throw new Error(read.problem)
}

/** What the settings say to these variables; empty when they can be used. */
function problems(variables: Record<string, string>): string {
  try {
    readSettings({ NEMO_MQTT_DATABASE_URL: 'postgres://h/d', ...variables })
    return ''
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
}

t.test('a wildcard stands for any number of characters, everything else for itself', async (t) => {
  for (const [pattern, text] of [
    ['*', ''],
    ['*', 'anything/at (all)'],
    ['task_*', 'task_created'],
    ['*_end', 'tool_usage_end'],
    ['*a*a*', 'banana'],
    ['FIB*', 'fib 2'],
    ['a.c', 'A.C'],
    ['ab*ab', 'abab'],
  ] as const) {
    t.ok(fits(pattern, text), `${pattern} ${text}`)
  }
  for (const [pattern, text] of [
    ['', 'x'],
    ['task_', 'task_created'],
    ['a.c', 'abc'],
    ['ab*ab', 'aba'],
    ['*a*b', 'ba'],
    ['[a-z]*', 'b'],
  ] as const) {
    t.notOk(fits(pattern, text), `${pattern} ${text}`)
  }
})

t.test('many wildcards on a long name take no time', async (t) => {
  const since = performance.now()
  t.notOk(fits('*a'.repeat(2_000).concat('b'), 'a'.repeat(20_000)))
  t.ok(performance.now() - since < 1_000, `${performance.now() - since} ms`)
})

t.test('what is left out wins, in whichever order it stands, and the part that did it is told', async (t) => {
  for (const text of ['*, !task_*', '!task_*, *', '!task_*', ' ! task_* ,* ']) {
    t.equal(filter(text).leftOutBy(named('task_created')), '!task_*', text)
    t.equal(filter(text).leftOutBy(named('tool_created')), undefined, text)
  }
  t.equal(filter('tool_*, area_*').leftOutBy(named('task_created')), 'not among tool_*, area_*')
  t.equal(filter('tool_*, !*_deleted').leftOutBy(named('tool_deleted')), '!*_deleted')
})

t.test('digits are an id or a name, and a wildcard never means an id', async (t) => {
  t.equal(filter('5').leftOutBy(named('FIB', '5')), undefined)
  t.equal(filter('5').leftOutBy(named('5', '9')), undefined, 'a tool that is called so')
  t.equal(filter('5').leftOutBy(named('FIB', '15')), 'not among 5')
  t.equal(filter('1*').leftOutBy(named('FIB', '10')), 'not among 1*')
  t.equal(filter('9223372036854775807').leftOutBy(named(null, '9223372036854775807')), undefined)
})

t.test('a name that nobody knows fits * alone', async (t) => {
  t.equal(filter('*').leftOutBy(named(null, '5')), undefined)
  t.equal(filter('*, !FIB').leftOutBy(named(null, '5')), undefined)
  t.equal(filter('FIB*').leftOutBy(named(null, '5')), 'not among FIB*')
  t.equal(filter('5*').leftOutBy(named(null, '5')), 'not among 5*')
})

t.test('only * alone leaves nothing out', async (t) => {
  t.ok(filter('*').isEverything)
  t.ok(filter('FIB, *').isEverything)
  t.notOk(filter('*, !FIB').isEverything)
  t.notOk(filter('FIB*').isEverything)
})

t.test('what cannot be meant is told at the setting, with what may be meant', async (t) => {
  for (const [name, value, expected] of [
    ['EVENT_FILTER', '*, !task_', /EVENT_FILTER: there is no event task_; do you mean task_\w+\?/],
    ['EVENT_FILTER', 'tool_enable', /there is no event tool_enable; do you mean tool_enabled\?/],
    ['EVENT_FILTER', 'tol_*', /no event is named like tol_\*/],
    ['EVENT_FILTER', 'tool_*,,task_*', /has an empty part/],
    ['EVENT_FILTER', 'tool_*,', /has an empty part/],
    ['EVENT_FILTER', '*, !', /has a ! without a name/],
    ['EVENT_FILTER', '*, !*', /leaves every event out/],
    ['EVENT_FILTER', 'tool_enabled, !tool_*', /leaves every event out/],
    ['TOOL_FILTER', ', 5', /TOOL_FILTER: .*has an empty part/],
    ['AREA_FILTER', ' ', /AREA_FILTER: is empty; \* stands for all/],
    ['CATEGORY_FILTER', '!', /CATEGORY_FILTER: .*without a name/],
    ['TOOL_FILTER', 'x'.repeat(20_001), /TOOL_FILTER: .*more than 20000 characters/],
    ['TOOL_TOPIC_KEY', 'names', /TOOL_TOPIC_KEY: "names" is none of id, name, both/],
    ['PRIVACY', 'perhaps', /PRIVACY: "perhaps"/],
  ] as const) {
    t.match(problems({ [`NEMO_MQTT_${name}`]: value }), expected, `${name}=${value.slice(0, 30)}`)
  }
  const all = problems({ NEMO_MQTT_EVENT_FILTER: 'x_*, nothing', NEMO_MQTT_TOOL_FILTER: '!' })
  t.match(all, /x_\*[\s\S]*nothing[\s\S]*TOOL_FILTER/, 'all at once')
  const filters = {
    NEMO_MQTT_EVENT_FILTER: '*, !TASK_*',
    NEMO_MQTT_TOOL_FILTER: 'A/B (2)*, 7',
    NEMO_MQTT_CATEGORY_FILTER: '!a/*',
  }
  t.equal(problems(filters), '')
})
