import { CHOICE_DEFAULTS, type ChoiceSettings } from './choice-settings.ts'
import { readRules } from './custom/read-rules.ts'
import { CUSTOM, FILTERED_NAMES, unknownInFilter } from './event-patterns.ts'
import { Filter } from './filter.ts'
import { readOverrides } from './overrides.ts'
import { readPersonalEvents } from './personal-events.ts'
import { Template } from './template.ts'

/** A setting and what is wrong with its value, after its name; undefined when it can be used. */
export type ChoiceRule = readonly [keyof ChoiceSettings, (settings: ChoiceSettings) => string | undefined]

/** The rules for the settings of a choice, beyond their types. */
export const CHOICE_RULES: readonly ChoiceRule[] = [
  ['event_filter', ({ event_filter }) => eventFilterProblem(event_filter)],
  ['personal_events', ({ personal_events }) => problemOf(readPersonalEvents(personal_events))],
  ['custom_events', ({ custom_events }) => problemOf(readRules(custom_events))],
  ['tool_filter', ({ tool_filter }) => problemOf(Filter.read(tool_filter))],
  ['area_filter', ({ area_filter }) => problemOf(Filter.read(area_filter))],
  ['category_filter', ({ category_filter }) => problemOf(Filter.read(category_filter))],
  ['topic_template', (settings) => problemOf(Template.read(settings.topic_template, prefixOf(settings)))],
  ['topic_template', (settings) => fixedTopicProblem(settings, 'topic_template')],
  ['topic_overrides', (settings) => fixedTopicProblem(settings, 'topic_overrides')],
  ['tool_topic_key', (settings) => fixedTopicProblem(settings, 'tool_topic_key')],
  ['topic_overrides', (settings) => problemOf(readOverrides(settings.topic_overrides, prefixOf(settings)))],
]

function eventFilterProblem(text: string): string | undefined {
  const filter = Filter.read(text)
  if ('problem' in filter) return filter.problem
  const unknown = filter.names.flatMap((name) => unknownInFilter(name) ?? [])
  if (unknown.length > 0) return unknown.join('; ')
  const isNothing =
    filter.names.every((name) => !name.startsWith(`${CUSTOM}:`)) &&
    FILTERED_NAMES.every((name) => filter.leftOutBy({ id: null, name }) !== undefined)
  return isNothing ? `${JSON.stringify(text)} leaves every event out` : undefined
}

// The plugin's displays look for its topics and for no others.
function fixedTopicProblem(settings: ChoiceSettings, name: keyof ChoiceSettings): string | undefined {
  if (settings.dialect !== 'plugin' || settings[name] === CHOICE_DEFAULTS[name]) return undefined
  return 'does not apply to dialect plugin, whose topics are those of the Python plugin: leave it out'
}

function problemOf(read: object | { readonly problem: string }): string | undefined {
  return 'problem' in read ? String(read.problem) : undefined
}

// The rules see the prefix as it was written; its own rule cleans it.
function prefixOf({ topic_prefix }: ChoiceSettings): string {
  return topic_prefix.replace(/^[\s/]+|[\s/]+$/g, '')
}
