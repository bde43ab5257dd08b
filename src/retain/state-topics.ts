import { stringify } from 'lossless-json'
import { withoutPeople } from '../choose/privacy.ts'
import type { LaboratoryState } from '../state/laboratory-state.ts'
import { areaMessage, overallMessage, toolMessage } from './state-messages.ts'

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

/** Makes retained messages of states, each with the time since when it says what it says. */
export class StateTopics {
  #told = new Map<string, Told>()

  /** Topic to text, for all tools and areas. */
  of(state: LaboratoryState, { prefix, withPeople, privacy, lastEvent }: StateTopicsOptions): Map<string, string> {
    const told = new Map<string, Told>()
    const topics = new Map<string, string>()
    const tell = (place: string, body: object, entity?: string): void => {
      const text = String(stringify(body)) // ids keep their digits, nested ones too
      const before = this.#told.get(place)
      const time = before?.body === text ? before.time : state.time
      told.set(place, { body: text, time })
      const event = entity === undefined ? {} : { event_id: lastEvent(entity) }
      topics.set(`${prefix}/${place}`, `${text.slice(0, -1)},${JSON.stringify({ ...event, time }).slice(1)}`)
    }
    for (const tool of state.tools) {
      const message = toolMessage(tool)
      tell(`tools/${tool.tool_id}/state`, privacy ? withoutPeople(message) : message, `tools/${tool.tool_id}`)
    }
    for (const area of state.areas) {
      tell(`areas/${area.area_id}/state`, areaMessage(area, withPeople && !privacy), `areas/${area.area_id}`)
    }
    tell('tools/overall', overallMessage(state.tools))
    this.#told = told
    return topics
  }
}
