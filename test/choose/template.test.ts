import t from 'tap'
import { Random } from '../../lab/life/random.ts'
import { Choice } from '../../src/choose/choice.ts'
import { CHOICE_DEFAULTS, type ChoiceSettings } from '../../src/choose/choice-settings.ts'
import { CHOICE_RULES } from '../../src/choose/problems.ts'
import { VARIABLES } from '../../src/choose/template.ts'
import type { EventBody } from '../../src/event.ts'
import { type MappedEvent, mapChange } from '../../src/map/index.ts'
import { topicProblem } from '../../src/publish/topic.ts'
import { goldenLookup, goldenTables, readGolden } from '../map/golden.ts'
import { HOSTILE_NAMES, randomName } from './names.ts'

/** One event of each golden file: every event there is, as mapped from what real NEMO wrote. */
const EVENTS: readonly MappedEvent[] = goldenTables()
  .flatMap(readGolden)
  .flatMap((golden) => mapChange(golden.change, goldenLookup(golden)))

function topics(settings: Partial<ChoiceSettings>, events = EVENTS, category: string | null = null): string[] {
  const { sent } = new Choice({ ...CHOICE_DEFAULTS, ...settings }).choose(events, () => category)
  return sent.map(({ topic }) => topic)
}

function problem(settings: Partial<ChoiceSettings>): string {
  const all = { ...CHOICE_DEFAULTS, ...settings }
  return CHOICE_RULES.flatMap(([name, rule]) => {
    const found = rule(all)
    return found === undefined ? [] : [`${name}: ${found}`]
  }).join('\n')
}

const onTool = (tool_name: string | null, tool_id: number | bigint = 5, event = 'tool_enabled'): MappedEvent => {
  const body = { event, tool_id, tool_name, tool_status: true, timestamp: 'x', parent_tool_id: null } as EventBody
  return { topic: `tools/${tool_id}/enabled`, entity: `tools/${tool_id}`, body }
}
const truncated: MappedEvent = {
  topic: 'bridge/truncated',
  entity: 'bridge/truncated',
  body: { event: 'table_truncated', table: 'NEMO_tool', timestamp: 'x' },
}
const areaReservation: MappedEvent = {
  topic: 'reservations/8',
  entity: 'reservations/8',
  body: {
    event: 'reservation_created',
    reservation_id: 8,
    tool_id: null,
    tool_name: null,
    area_id: 2,
    area_name: 'Yellow room',
  } as EventBody,
}

t.test('the standard topics are what they were', async (t) => {
  t.strictSame(
    topics({ personal_events: '*' }),
    EVENTS.map(({ topic }) => `nemo/${topic}`),
  )
  t.strictSame(topics({ topic_template: '{prefix}/{topic}/x' }, [onTool('FIB')]), ['nemo/tools/5/enabled/x'])
})

t.test('every variable, also where an event has nothing for it', async (t) => {
  const all = { topic_template: VARIABLES.map((name) => `{${name}}`).join('|') }
  t.strictSame(topics(all, [onTool('FIB 1')], 'Lithography/Direct write'), [
    'nemo|tools/5/enabled|tools|5|tool_enabled|FIB 1|5|none|Lithography_Direct write',
  ])
  t.strictSame(topics(all, [areaReservation]), [
    'nemo|reservations/8|reservations|8|reservation_created|Yellow room|none|2|none',
  ])
  t.strictSame(topics({ topic_template: 'lab/{name}' }, [onTool('', 7), onTool(null, 2n ** 60n)]), [
    'lab/7',
    `lab/${2n ** 60n}`,
  ])
})

t.test('tools by id, name or both in the standard topics', async (t) => {
  const tools = [onTool('AFM/Profilometer'), onTool(null, 6)]
  t.strictSame(topics({ tool_topic_key: 'name' }, tools), [
    'nemo/tools/AFM_Profilometer/enabled',
    'nemo/tools/6/enabled',
  ])
  t.strictSame(topics({ tool_topic_key: 'both' }, tools), [
    'nemo/tools/5-AFM_Profilometer/enabled',
    'nemo/tools/6/enabled',
  ])
  t.strictSame(topics({ tool_topic_key: 'name' }, [areaReservation]), ['nemo/reservations/8'], 'no tool, no change')
})

t.test('two tools may share a topic; the order is still kept for each', async (t) => {
  const choice = new Choice({ ...CHOICE_DEFAULTS, tool_topic_key: 'name' })
  const { sent } = choice.choose([onTool('a/b', 1), onTool('a+b', 2)], () => null)
  t.strictSame(
    sent.map(({ topic, entity }) => [topic, entity]),
    [
      ['nemo/tools/a_b/enabled', 'tools/1'],
      ['nemo/tools/a_b/enabled', 'tools/2'],
    ],
  )
})

t.test('of the overrides the first that fits counts, and the others go by the template', async (t) => {
  const topic_overrides = 'tool_enabled = up/{name};tool_* = tools/{event}\n task_* = {prefix}/problems/{tool_id}=x ;\n'
  const events = [onTool('FIB'), onTool('FIB', 5, 'tool_disabled'), onTool('FIB', 5, 'task_created'), areaReservation]
  t.strictSame(topics({ topic_overrides, topic_template: 'all' }, events), [
    'up/FIB',
    'tools/tool_disabled',
    'nemo/problems/5=x',
    'all',
  ])
})

t.test('a template that cannot be meant, or that MQTT does not allow, is refused', async (t) => {
  for (const [topic_template, expected] of [
    ['{prefix}/{nam}', /has \{nam\}, which is no variable; do you mean \{name\}\?/],
    ['{prefix}/{}', /has \{\}, which is no variable; \{prefix\}, \{topic\}/],
    ['{prefix/{topic}', /brace without its other half/],
    ['{prefix}}/{topic}', /brace without its other half/],
    ['{prefix}/{{id}}', /brace without its other half/],
    ['{prefix}/+/{id}', /wildcard/],
    ['{prefix}/#', /wildcard/],
    ['{prefix}//{id}', /empty level/],
    ['/{topic}', /empty level/],
    ['{topic}/', /empty level/],
    ['{prefix}/ /{id}', /empty level/],
    ['', /empty level/],
    ['$SYS/{topic}', /begins with \$/],
    ['a\u0000b/{topic}', /control character/],
    ['a\ud800b', /control character/],
    ['{prefix}/bridge/{id}', /is below nemo\/bridge/],
    ['{prefix}/bridge', /is below nemo\/bridge/],
    ['nemo/bridge/state', /is below nemo\/bridge/],
    [`{prefix}/${'x'.repeat(65_000)}`, /longer than 65535 bytes/],
    [`a${'{name}'.repeat(300)}`, /longer than 65535 bytes/],
  ] as const) {
    t.match(problem({ topic_template }), expected, JSON.stringify(topic_template).slice(0, 40))
  }
  t.match(problem({ topic_template: 'a/b/bridge/{id}', topic_prefix: ' a/b/ ' }), /is below a\/b\/bridge/)
  for (const fine of ['{prefix}/{topic}', '{prefix}/bridges/{id}', 'bridge/{id}', 'lab', '{prefix}/a $/{event}']) {
    t.equal(problem({ topic_template: fine }), '', fine)
  }
})

t.test('an override that cannot be meant is refused, all of them at once', async (t) => {
  for (const [topic_overrides, expected] of [
    ['tool_enabled', /"tool_enabled": is not of the form event = template/],
    ['= a/b', /is not of the form/],
    ['tool_enable = x', /there is no event tool_enable; do you mean tool_enabled\?/],
    ['tool_enabled =', /empty level/],
    ['tool_enabled = {prefix}/bridge/x', /is below nemo\/bridge/],
    ['tool_* = a; tool_enabled = b', /"tool_enabled = b": is never used/],
    ['table_truncated = a', /keeps its topic/],
    ['x = a; tool_* = #', /there is no event x[\s\S]*wildcard/],
  ] as const) {
    t.match(problem({ topic_overrides }), expected, topic_overrides)
  }
  t.equal(problem({ topic_overrides: '* = {prefix}/{event}' }), '')
})

t.test('no name leads an event to the topics of the service itself', async (t) => {
  for (const topic_template of [
    '{prefix}/{name}',
    '{prefix}/{name}/state',
    '{prefix}/bri{name}/state',
    '{name}/bridge/state',
  ]) {
    for (const name of ['bridge', 'dge', 'nemo']) {
      const [topic = ''] = topics({ topic_template }, [onTool(name)])
      t.notMatch(topic, /^nemo\/bridge(\/|$)/, `${topic_template} ${name}`)
      t.equal(topicProblem(topic), undefined)
    }
  }
  t.strictSame(topics({ topic_template: '{name}', topic_overrides: '* = {event}' }, [truncated]), [
    'nemo/bridge/truncated',
  ])
})

t.test('whatever the names, every topic of every template is one that MQTT allows', async (t) => {
  const random = new Random(8)
  const names = [...HOSTILE_NAMES, ...Array.from({ length: 200 }, () => randomName(random))]
  const templates = [
    '{name}',
    '{prefix}/{category}/{name}/{event}',
    '{category}{name}',
    `{prefix}/${'{name}'.repeat(20)}`,
    '{prefix}/{topic}',
  ]
  const faults: string[] = []
  for (const topic_template of templates) {
    for (const tool_topic_key of ['id', 'name', 'both'] as const) {
      t.equal(problem({ topic_template }), '')
      const choice = new Choice({ ...CHOICE_DEFAULTS, topic_template, tool_topic_key })
      for (const name of names) {
        const [{ topic } = { topic: '' }] = choice.choose([onTool(name)], () => name).sent
        const fault = topicProblem(topic) ?? (topic.split('/').includes('') ? 'it has an empty level' : undefined)
        if (fault !== undefined) faults.push(`${topic_template} ${JSON.stringify(name)}: ${fault}`)
      }
    }
  }
  t.strictSame(faults, [])
})
