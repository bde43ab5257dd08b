import { stringify } from 'lossless-json'
import { customPayload } from './custom.ts'
import type { MappedEvent } from './mapped.ts'

type Fields = Readonly<Record<string, unknown>>

/** The JSON text of what is sent of an event. */
export function payloadOf(body: MappedEvent['body'], eventId: string): string {
  return body.event === 'custom' ? customPayload(body, eventId) : eventPayload(body, eventId)
}

/**
 * The JSON text of an event as it goes to the broker: the keys in their order, `event_id` last, ids with all their
 * digits, and no half of a surrogate pair, which some JSON readers refuse.
 */
export function eventPayload(body: Fields, eventId: string): string {
  const text = jsonOf(body)
  // JSON.stringify writes \ud… for half a surrogate pair only. A text may also hold that: then this is needless work.
  const wellFormed = text.includes('\\ud') ? jsonOf(repaired(body)) : text
  return `${wellFormed.slice(0, -1)},"event_id":${JSON.stringify(eventId)}}`
}

function jsonOf(body: Fields): string {
  for (const key in body) if (typeof body[key] === 'bigint') return String(stringify(body))
  return JSON.stringify(body)
}

function repaired(body: Fields): Fields {
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [key, typeof value === 'string' ? value.toWellFormed() : value]),
  )
}
