import type { EventBody, EventName } from '../event.ts'
import type { MappedEvent } from '../map/mapped.ts'
import { parseRow } from '../map/row.ts'
import { EVENT_NAMES } from './event-patterns.ts'

/** First level of the topic, the key with its id, and the last level; the longer word first. */
const PLACES = [
  ['tool_enabled', 'tools', 'tool_id', '/enabled'],
  ['tool_disabled', 'tools', 'tool_id', '/disabled'],
  ['tool_usage_start', 'tools', 'tool_id', '/start'],
  ['tool_usage_end', 'tools', 'tool_id', '/end'],
  ['tool_usage_', 'tools', 'tool_id', '/usage'],
  ['tool_', 'tools', 'tool_id', ''],
  ['task_', 'tools', 'tool_id', '/tasks'],
  ['wait_list_', 'tools', 'tool_id', '/wait_list'],
  ['reservation_', 'reservations', 'reservation_id', ''],
  ['area_access', 'area_access', 'access_id', ''],
  ['area_', 'areas', 'area_id', ''],
  ['outage_', 'outages', 'outage_id', ''],
  ['resource_', 'resources', 'resource_id', ''],
  ['interlock_', 'interlocks', 'interlock_id', ''],
  ['alert_', 'alerts', 'alert_id', ''],
  ['consumable_', 'consumables', 'consumable_id', ''],
] as const

/** An event that was published once, as it was mapped: with its standard topic, whatever topic it had. */
export interface Published extends MappedEvent {
  readonly eventId: string
  readonly body: EventBody
}

/**
 * Reads the payload of a message of ours back; undefined for what is no event, such as the entry of another program.
 * What the settings of its day left out (names, people) stays left out.
 */
export function publishedEvent(payload: string): Published | undefined {
  let fields: Readonly<Record<string, unknown>>
  try {
    fields = parseRow(payload)
  } catch {
    return undefined // no JSON object: another program's own words
  }
  const { event_id: eventId, ...body } = fields
  const event = EVENT_NAMES.find((name) => name === body.event)
  if (event === undefined || typeof eventId !== 'string') return undefined
  const place = placeOf(event, body)
  return place === undefined ? undefined : { ...place, eventId, body: body as unknown as EventBody }
}

function placeOf(event: EventName, body: Readonly<Record<string, unknown>>): Omit<MappedEvent, 'body'> | undefined {
  if (event === 'table_truncated') return { topic: 'bridge/truncated', entity: 'bridge/truncated' }
  if (event === 'user_activated' || event === 'user_deactivated')
    return { topic: 'users/active', entity: 'users/active' }
  const [, kind, key = '', suffix] = PLACES.find(([word]) => event.startsWith(word)) ?? []
  const id = body[key]
  if (typeof id !== 'number' && typeof id !== 'bigint') return undefined
  return { topic: `${kind}/${id}${suffix}`, entity: `${kind}/${id}` }
}
