import { stringify } from 'lossless-json'
import { withoutPeople } from '../choose/privacy.ts'
import type { LaboratoryState } from '../state/laboratory-state.ts'
import type { DisplayWord } from './messages.ts'
import { areaMessage, displayMessage, overallMessage, toolMessage } from './state-messages.ts'

/** How states are told. */
export interface StateTopicsOptions {
  /** First level of the topics of states; undefined when none are wanted. */
  readonly prefix: string | undefined
  /** First level of the topics for displays that read the topic alone; undefined when none are wanted. */
  readonly displayPrefix: string | undefined
  /** Whether who is in an area may be told. */
  readonly withPeople: boolean
  /** Whether nothing personal may be told at all. */
  readonly privacy: boolean
  /** The id of the last event of an entity such as `tools/5`; null when there was none. */
  readonly lastEvent: (entity: string) => string | null
}

interface Told {
  readonly body: string
  readonly time: string | null
}

/** The last level of a topic by which displays know how a tool is. */
const DISPLAY_LEVELS: Readonly<Record<DisplayWord, string>> = { in_use: 'start', down: 'disabled', free: 'idle' }

/** Makes retained messages of states, each with the time since when it says what it says. */
export class StateTopics {
  #told = new Map<string, Told>()

  /** Topic to text, for all tools and areas. */
  of(state: LaboratoryState, options: StateTopicsOptions): Map<string, string> {
    const { prefix, displayPrefix, withPeople, privacy, lastEvent } = options
    const told = new Map<string, Told>()
    const topics = new Map<string, string>()
    /** The text of a body that is known by its place, and since when it says this. */
    const since = (place: string, body: object): Told => {
      const text = String(stringify(body)) // ids keep their digits, nested ones too
      const before = this.#told.get(place)
      const found = { body: text, time: before?.body === text ? before.time : state.time }
      told.set(place, found)
      return found
    }
    const tell = (place: string, message: object, event: object): void => {
      const { body, time } = since(place, message)
      topics.set(`${prefix}/${place}`, joined(body, { ...event, time }))
    }
    for (const tool of state.tools) {
      const entity = `tools/${tool.tool_id}`
      const event = lastEvent(entity)
      if (prefix !== undefined) {
        const message = toolMessage(tool)
        tell(`${entity}/state`, privacy ? withoutPeople(message) : message, { event_id: event })
      }
      const display = displayMessage(tool)
      if (displayPrefix === undefined || display === undefined) continue
      const { body, time } = since(`${entity}/display`, privacy ? { ...display, user_name: '' } : display)
      const topic = `${displayPrefix}/${entity}/${DISPLAY_LEVELS[display.display]}`
      topics.set(topic, joined(body, { last_event_id: event, timestamp: time }))
    }
    for (const area of prefix === undefined ? [] : state.areas) {
      const entity = `areas/${area.area_id}`
      tell(`${entity}/state`, areaMessage(area, withPeople && !privacy), { event_id: lastEvent(entity) })
    }
    const overall = since('tools/overall', overallMessage(state.tools))
    for (const first of [prefix, displayPrefix]) {
      if (first !== undefined) topics.set(`${first}/tools/overall`, joined(overall.body, { time: overall.time }))
    }
    this.#told = told
    return topics
  }
}

function joined(text: string, more: object): string {
  return `${text.slice(0, -1)},${JSON.stringify(more).slice(1)}`
}
