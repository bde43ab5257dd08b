import type { Change } from '../change.ts'
import { AppError } from '../errors.ts'
import type { EventName } from '../event.ts'
import type { MappedEvent } from '../map/mapped.ts'
import { type ChoiceSettings, STANDARD_TEMPLATE } from './choice-settings.ts'
import { customEventsOf } from './custom/custom-events.ts'
import { readRules } from './custom/read-rules.ts'
import type { Rule } from './custom/rule.ts'
import { CUSTOM, EVENT_NAMES } from './event-patterns.ts'
import { Filter } from './filter.ts'
import type { Dialect } from './names.ts'
import { KEEPS_ITS_TOPIC, type Overrides, readOverrides } from './overrides.ts'
import { readPersonalEvents, whyPersonal } from './personal-events.ts'
import { withoutPeople } from './privacy.ts'
import { Template } from './template.ts'
import { areaOf, toolOf, valuesOf } from './values.ts'

/** An event that is sent: on its whole topic, and with what may be told. */
export interface Sent extends MappedEvent {
  /** Position among all events of the change, those that are left out included: its event_id depends on no filter. */
  readonly index: number
}

/** An event that is not sent. */
export interface LeftOut {
  readonly event: EventName | typeof CUSTOM
  /** The filter and the part of it, for people: `left out by event_filter: !task_*`. */
  readonly why: string
}

/** Why all of these are not sent, each reason once; undefined when there are none. */
export function whyLeftOut(leftOut: readonly LeftOut[]): string | undefined {
  return leftOut.length === 0 ? undefined : [...new Set(leftOut.map(({ why }) => why))].join('; ')
}

/** What becomes of the events of one change. */
export interface Chosen {
  readonly sent: readonly Sent[]
  readonly leftOut: readonly LeftOut[]
}

/** What is known of categories: that of a tool, by the digits of its id. */
export type CategoryOf = (toolId: string) => string | null

/**
 * What a laboratory chose: which events are sent, on which topics, with which names. Depends on the settings alone, and
 * is read once for them. The order in which events are delivered does not depend on it: `entity` stays as it was mapped.
 */
export class Choice {
  readonly #settings: ChoiceSettings
  readonly #events: Filter
  readonly #byEvent: ReadonlyMap<EventName, string>
  readonly #personal: ReadonlySet<EventName>
  readonly #rules: readonly Rule[]
  readonly #tools: Filter
  readonly #areas: Filter
  readonly #categories: Filter
  readonly #template: Template
  readonly #overrides: Overrides
  readonly #leavesOut: boolean
  readonly #isStandard: boolean
  /** Whether it depends on the categories of tools, which events of usage, problems and reservations do not carry. */
  readonly needsCategories: boolean
  /** The words that the events are told in. */
  readonly dialect: Dialect
  /** First level or levels of every topic. */
  readonly prefix: string

  /** @throws AppError NEMO_MQTT_ERR_CONFIG for settings that the rules of the configuration do not let through */
  constructor(settings: ChoiceSettings) {
    const { topic_prefix: prefix } = settings
    const events = usable(Filter.read(settings.event_filter))
    this.#settings = settings
    this.dialect = settings.dialect
    this.prefix = prefix
    this.#events = events
    this.#byEvent = new Map(
      EVENT_NAMES.flatMap((name): Array<[EventName, string]> => {
        const part = events.leftOutBy({ id: null, name })
        return part === undefined ? [] : [[name, part]]
      }),
    )
    this.#personal = usable(readPersonalEvents(settings.personal_events))
    this.#rules = usable(readRules(settings.custom_events))
    this.#tools = usable(Filter.read(settings.tool_filter))
    this.#areas = usable(Filter.read(settings.area_filter))
    this.#categories = usable(Filter.read(settings.category_filter))
    this.#template = usable(Template.read(settings.topic_template, prefix))
    this.#overrides = usable(readOverrides(settings.topic_overrides, prefix))
    const filters = [this.#tools, this.#areas, this.#categories]
    this.#leavesOut = !events.isEverything || filters.some((filter) => !filter.isEverything)
    this.#isStandard =
      settings.topic_template === STANDARD_TEMPLATE && this.#overrides.size === 0 && settings.tool_topic_key === 'id'
    this.needsCategories =
      !this.#categories.isEverything ||
      [this.#template, ...this.#overrides.values()].some((template) => template.uses('category'))
  }

  /** What becomes of the events of one change, which are all of them and in their order. */
  choose(events: readonly MappedEvent[], categoryOf: CategoryOf): Chosen {
    const sent: Sent[] = []
    const leftOut: LeftOut[] = []
    for (const [index, event] of events.entries()) {
      const why = this.#whyPersonal(event) ?? (this.#leavesOut ? this.#why(event, categoryOf) : undefined)
      if (why !== undefined) leftOut.push({ event: event.body.event, why })
      else sent.push({ index, topic: this.#topic(event, categoryOf), entity: event.entity, body: this.#body(event) })
    }
    return { sent, leftOut }
  }

  /** The laboratory's own messages of a change. */
  custom(change: Change): MappedEvent[] {
    return this.#rules.length === 0 ? [] : customEventsOf(change, this.#rules)
  }

  /** Whether a rule is about a table. */
  hasRuleFor(table: string): boolean {
    return this.#rules.some((rule) => rule.table === table)
  }

  #whyPersonal({ body }: MappedEvent): string | undefined {
    return body.event === CUSTOM ? undefined : whyPersonal(body, this.#personal)
  }

  #why(event: MappedEvent, categoryOf: CategoryOf): string | undefined {
    const { body } = event
    if (body.event === CUSTOM) {
      const part = this.#events.leftOutBy({ id: CUSTOM, name: body.name === null ? CUSTOM : `${CUSTOM}:${body.name}` })
      return part === undefined ? undefined : `left out by event_filter: ${part}`
    }
    const tool = toolOf(event)
    const area = areaOf(event)
    const found: ReadonlyArray<readonly [string, string | undefined]> = [
      ['event_filter', this.#byEvent.get(body.event)],
      ['tool_filter', tool && this.#tools.leftOutBy(tool)],
      ['area_filter', area && this.#areas.leftOutBy(area)],
      ['category_filter', tool && this.#categories.leftOutBy({ id: null, name: categoryIn(event, categoryOf) })],
    ]
    const [filter, part] = found.find(([, one]) => one !== undefined) ?? []
    return part === undefined ? undefined : `left out by ${filter}: ${part}`
  }

  #topic(event: MappedEvent, categoryOf: CategoryOf): string {
    const { body } = event
    if (this.#isStandard || body.event === KEEPS_ITS_TOPIC || body.event === CUSTOM)
      return `${this.#settings.topic_prefix}/${event.topic}`
    const template = this.#overrides.get(body.event) ?? this.#template
    return template.topic(valuesOf(event, this.#settings, () => categoryIn(event, categoryOf)))
  }

  #body({ body }: MappedEvent): MappedEvent['body'] {
    return this.#settings.privacy && body.event !== CUSTOM ? withoutPeople(body) : body
  }
}

const READ = new WeakMap<ChoiceSettings, Choice>()

/** What these settings choose; read once for each object of settings. @throws as the constructor of {@link Choice} */
export function choiceOf(settings: ChoiceSettings): Choice {
  const known = READ.get(settings)
  if (known !== undefined) return known
  const choice = new Choice(settings)
  READ.set(settings, choice)
  return choice
}

/** The category of the tool that an event is about; what the event says itself is that of its own moment. */
function categoryIn(event: MappedEvent, categoryOf: CategoryOf): string | null {
  const { body } = event
  // Outages and alerts have a category too, which is no tool's.
  const own = 'category' in body && 'visible' in body ? body.category : null
  const tool = toolOf(event)
  return own ?? (tool === undefined ? null : categoryOf(tool.id))
}

function usable<T extends object>(read: T | { readonly problem: string }): T {
  if ('problem' in read) throw new AppError('NEMO_MQTT_ERR_CONFIG', `a setting ${String(read.problem)}`)
  return read
}
