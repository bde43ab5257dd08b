import type { CustomBody, MappedEvent } from './mapped.ts'
import { parseRow } from './row.ts'

/** Longest topic below the prefix, in bytes: the topic of MQTT has 65,535, and a prefix stands before this one. */
const TOPIC_BYTES = 60_000

/**
 * Why a topic of the laboratory's own cannot be used below the prefix; undefined when it can. Stricter than MQTT, which
 * allows empty levels: nobody would subscribe to one, and a NULL that was written into a topic makes one.
 */
export function customTopicProblem(topic: string): string | undefined {
  if (topic.trim() === '') return 'is empty'
  if (/[+#]/.test(topic)) return 'holds a wildcard (+ or #)'
  if (/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u.test(topic)) {
    return 'holds a control character, or a code that is no character'
  }
  if (topic.split('/').some((level) => level.trim() === '')) return 'has an empty level'
  if (/^bridge(\/|$)/.test(topic)) return "is below bridge, where the service's own topics are"
  if (Buffer.byteLength(topic) > TOPIC_BYTES) return `is longer than ${TOPIC_BYTES} bytes`
  return undefined
}

/** A message of the laboratory's own. Messages on one topic are delivered in order. */
export function customEvent(topic: string, json: string, timestamp: string): MappedEvent {
  const body: CustomBody = { event: 'custom', name: nameIn(json), timestamp, json }
  return { topic, entity: topic, body }
}

/** Its payload: an object that has no `event_id` gets ours, anything else is sent as it is. */
export function customPayload({ json }: CustomBody, eventId: string): string {
  const isObject = json.trimStart().startsWith('{')
  if (!isObject || Object.hasOwn(parseRow(json), 'event_id')) return json
  const open = json.trimEnd().slice(0, -1).trimEnd()
  return `${open}${open === '{' ? '' : ', '}"event_id": ${JSON.stringify(eventId)}}`
}

function nameIn(json: string): string | null {
  if (!json.trimStart().startsWith('{')) return null
  const { event } = parseRow(json)
  return typeof event === 'string' ? event : null
}
