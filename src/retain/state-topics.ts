import { stringify } from 'lossless-json'
import { withoutPeople } from '../choose/privacy.ts'
import type { LaboratoryState } from '../state/laboratory-state.ts'
import type { DisplayWord } from './messages.ts'
import { areaMessage, displayMessage, overallMessage, toolMessage } from './state-messages.ts'

/** How states are told. */
export interface StateTopicsOptions {
  /** First level of the topics. */
  readonly prefix: string
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
  #before = new Map<string, Told>()
  #told = new Map<string, Told>()

  /** To be called before the topics of another moment: what they do not tell is forgotten. */
  begin(): void {
    this.#before = this.#told
    this.#told = new Map()
  }

  /** Topic to text, for all tools and areas. */
  states(state: LaboratoryState, options: StateTopicsOptions): Map<string, string> {
    const { prefix, withPeople, privacy, lastEvent } = options
    const topics = new Map<string, string>()
    const tell = (place: string, body: object, event: object): void => {
      const [text, time] = this.#since(place, body, state)
      topics.set(`${prefix}/${place}`, joined(text, { ...event, time }))
    }
    for (const tool of state.tools) {
      const message = toolMessage(tool)
      const event = { event_id: lastEvent(`tools/${tool.tool_id}`) }
      tell(`tools/${tool.tool_id}/state`, privacy ? withoutPeople(message) : message, event)
    }
    for (const area of state.areas) {
      const event = { event_id: lastEvent(`areas/${area.area_id}`) }
      tell(`areas/${area.area_id}/state`, areaMessage(area, withPeople && !privacy), event)
    }
    tell('tools/overall', overallMessage(state.tools), {})
    return topics
  }

  /** Topic to text, for displays that read the topic alone. */
  displays(state: LaboratoryState, options: Omit<StateTopicsOptions, 'withPeople'>): Map<string, string> {
    const { prefix, privacy, lastEvent } = options
    const topics = new Map<string, string>()
    for (const tool of state.tools) {
      const message = displayMessage(tool)
      if (message === undefined) continue
      const shown = privacy ? { ...message, user_name: '' } : message
      const [text, timestamp] = this.#since(`tools/${tool.tool_id}/display`, shown, state)
      const topic = `${prefix}/tools/${tool.tool_id}/${DISPLAY_LEVELS[message.display]}`
      topics.set(topic, joined(text, { last_event_id: lastEvent(`tools/${tool.tool_id}`), timestamp }))
    }
    const [text, time] = this.#since('tools/overall', overallMessage(state.tools), state)
    return topics.set(`${prefix}/tools/overall`, joined(text, { time }))
  }

  #since(place: string, body: object, { time }: LaboratoryState): readonly [string, string | null] {
    const text = String(stringify(body)) // ids keep their digits, nested ones too
    const before = this.#before.get(place)
    const told = { body: text, time: before?.body === text ? before.time : time }
    this.#told.set(place, told)
    return [text, told.time]
  }
}

function joined(text: string, more: object): string {
  return `${text.slice(0, -1)},${JSON.stringify(more).slice(1)}`
}
