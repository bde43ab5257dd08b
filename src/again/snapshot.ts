import { stringify } from 'lossless-json'
import { withoutPeople } from '../choose/privacy.ts'
import type { Settings } from '../config/settings.ts'
import { encodeEntry } from '../queue/entry.ts'
import { areaMessage, toolMessage } from '../retain/state-messages.ts'
import type { LaboratoryState } from '../state/laboratory-state.ts'

/**
 * The present state of every tool and area as entries to be published: for a subscriber that begins, and has seen none
 * of the events that made it so. They say `snapshot`, on topics of their own, so that nobody takes them for something
 * that has just happened. Not retained.
 */
export function* snapshotEntries(
  state: LaboratoryState,
  { topic_prefix, privacy, state_people }: Settings,
  id: string,
): Generator<string> {
  let count = 0
  const entry = (entity: string, event: string, body: object): string => {
    const eventId = `${id}-${count}`
    count += 1
    const payload = String(stringify({ event, snapshot: true, ...body, time: state.time, event_id: eventId }))
    const topic = `${topic_prefix}/${entity}/snapshot`
    return encodeEntry({ topic, payload, retain: false, entity, origin: null, queuedAt: Date.now() / 1_000 })
  }
  for (const tool of state.tools) {
    const message = toolMessage(tool)
    yield entry(`tools/${tool.tool_id}`, 'tool_snapshot', privacy ? withoutPeople(message) : message)
  }
  for (const area of state.areas) {
    yield entry(`areas/${area.area_id}`, 'area_snapshot', areaMessage(area, state_people && !privacy))
  }
}
