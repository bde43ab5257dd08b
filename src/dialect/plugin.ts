import type { EventBody, EventName, EventOf } from '../event.ts'
import type { MappedEvent } from '../map/mapped.ts'
import { type PythonValue, pythonJson } from './python-json.ts'

/** A message of the plugin: the name it gives the event, its topic below the prefix, and its fields in their order. */
interface PluginMessage {
  readonly event: string
  readonly topic: string
  readonly fields: Readonly<Record<string, PythonValue>>
}

/** A message in the words of the Python plugin; its topic is the one below the prefix. */
export interface PluginText<From extends MappedEvent = MappedEvent> extends Pick<MappedEvent, 'topic' | 'entity'> {
  readonly event: string
  readonly payload: string
  /** The event that it tells; the first one, if it tells several. */
  readonly from: From
}

/** What some events are in the words of the Python plugin. */
export interface PluginWords<From extends MappedEvent> {
  readonly texts: readonly PluginText<From>[]
  /** Events that the plugin never told. */
  readonly wordless: readonly From[]
}

type Of<Names extends EventName> = { [N in Names]: Omit<EventOf<N>, 'event_id'> }[Names]
type Tool = Of<'tool_created' | 'tool_updated' | 'tool_enabled' | 'tool_disabled'>
type Usage = Of<'tool_usage_start' | 'tool_usage_end' | 'tool_usage_recorded'>
type Reservation = Of<'reservation_created' | 'reservation_updated' | 'reservation_cancelled' | 'reservation_missed'>

/**
 * What the Python plugin 1.0.0 sends for a change, as recorded on NEMO 8.1.5: its events, its fields in its order, its
 * times and its separators. Its faults are left out: events for saves that changed nothing, for billing records, and a
 * second `tool_disabled` when an old usage is edited. What it never told (deletions, problems, who leaves an area) is
 * not told here either: one word would have two meanings. Several of our events may be one of the plugin's.
 */
export function inPluginWords<From extends MappedEvent>(events: readonly From[]): PluginWords<From> {
  const texts: PluginText<From>[] = []
  const wordless: From[] = []
  for (const from of events) {
    const message = from.body.event === 'custom' ? undefined : pluginMessage(from.body)
    if (message === undefined) {
      wordless.push(from)
      continue
    }
    const { event, topic, fields } = message
    if (texts.some((text) => text.event === event && text.topic === topic)) continue
    texts.push({ event, topic, entity: from.entity, payload: pythonJson({ event, ...fields }), from })
  }
  return { texts, wordless }
}

function pluginMessage(body: EventBody): PluginMessage | undefined {
  switch (body.event) {
    case 'tool_created':
      return tool('tool_created', body)
    case 'tool_updated':
      return tool('tool_updated', body)
    case 'tool_enabled':
    case 'tool_disabled':
      // The plugin sees the row of the parent alone.
      return body.parent_tool_id === null ? tool('tool_updated', body) : undefined
    case 'tool_usage_start':
      return usage('tool_enabled', 'enabled', body, { start_time: pythonTime(body.start_time) })
    case 'tool_usage_end':
    case 'tool_usage_recorded':
      return usage('tool_disabled', 'disabled', body, { end_time: pythonTime(body.end_time) })
    case 'reservation_created':
      return reservation('reservation_created', body)
    case 'reservation_updated':
    case 'reservation_cancelled':
    case 'reservation_missed':
      return reservation('reservation_updated', body)
    case 'area_created':
    case 'area_updated': {
      const { event, area_id, area_name, area_requires_reservation } = body
      return { event, topic: `areas/${area_id}`, fields: { area_id, area_name, area_requires_reservation, ...UNTIMED } }
    }
    case 'area_access':
    case 'area_access_recorded': {
      const { access_id, user_id, user_name, area_id, area_name } = body
      const fields = { access_id, user_id, user_name, area_id, area_name, access_time: pythonTime(body.access_time) }
      return { event: 'area_access', topic: `area_access/${access_id}`, fields: { ...fields, ...UNTIMED } }
    }
    default:
      return undefined
  }
}

/** Not a time: `instance._state.adding` of Django, which is false by the time the plugin reads it. */
const UNTIMED = { timestamp: false }

function tool(event: string, { tool_id, tool_name, tool_status }: Tool): PluginMessage {
  return { event, topic: `tools/${tool_id}`, fields: { tool_id, tool_name, tool_status, ...UNTIMED } }
}

function usage(event: string, level: string, body: Usage, time: Record<string, PythonValue>): PluginMessage {
  const { tool_id, tool_name, usage_id, user_name } = body
  return { event, topic: `tools/${tool_id}/${level}`, fields: { tool_id, tool_name, usage_id, user_name, ...time } }
}

function reservation(event: string, body: Reservation): PluginMessage {
  const { reservation_id, user_id, user_name } = body
  const times = { start_time: pythonTime(body.start_time), end_time: pythonTime(body.end_time) }
  return {
    event,
    topic: `reservations/${reservation_id}`,
    fields: { reservation_id, user_id, user_name, ...times, ...UNTIMED },
  }
}

/** A time as Python's `isoformat` writes it: six digits of a second or none, and an offset, never `Z`. */
function pythonTime(time: string | null): string | null {
  if (time === null) return null
  const [, whole = '', fraction] = /^([^.Z]*)(?:\.(\d+))?Z$/.exec(time) ?? []
  return `${whole}${fraction === undefined ? '' : `.${fraction.padEnd(6, '0')}`}+00:00`
}
