import type { PythonValue } from '../dialect/python-json.ts'
import { AppError, reasonOf } from '../errors.ts'

/** Where an entry of ours comes from: which change, and which of the change's messages it is. */
export interface Origin {
  readonly installation: string
  /** Id of the change, digits of a bigint. */
  readonly change: string
  /** Position among the change's messages, from 0. */
  readonly index: number
  /** How many messages the change became. */
  readonly count: number
}

/** Which event an entry is, and its time (RFC 3339). */
export interface About {
  readonly event: string
  readonly time: string
}

/** One entry of the queue: a message that is still to be signed. */
export interface Entry {
  readonly topic: string
  readonly payload: string
  readonly retain: boolean
  /** Messages with the same ordering key are delivered in the order of the queue. */
  readonly entity: string
  /** Null for an entry that another program pushed. */
  readonly origin: Origin | null
  /** When it was queued, in seconds since 1970; null when nobody said so. */
  readonly queuedAt: number | null
  /** What it tells, for those who read no payload; only in entries of events. */
  readonly about?: About
}

/**
 * The text of an entry: what the Python plugin wrote (`topic, payload, qos, retain, timestamp`), then our own fields.
 *
 * @param write makes JSON of the fields
 */
export function encodeEntry(
  entry: Entry,
  write: (fields: Readonly<Record<string, PythonValue>>) => string = JSON.stringify,
): string {
  const { topic, payload, retain, entity, origin, queuedAt, about } = entry
  return write({ topic, payload, qos: 1, retain, timestamp: queuedAt, entity, ...origin, ...about })
}

/**
 * Reads an entry, our own or one that another program pushed (the plugin's way to add events).
 *
 * @throws AppError NEMO_MQTT_ERR_ENTRY that says what was found and what was expected
 */
export function decodeEntry(text: string): Entry {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch (error) {
    throw unreadable(`is not JSON (${reasonOf(error)})`)
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    throw unreadable(`is ${found === null ? 'null' : Array.isArray(found) ? 'an array' : `a ${typeof found}`}`)
  }
  const { topic, payload, retain, entity, timestamp } = found as Record<string, unknown>
  if (typeof topic !== 'string') throw unreadable(`has a topic of type ${typeOf(topic)}, not string`)
  if (typeof payload !== 'string') throw unreadable(`has a payload of type ${typeOf(payload)}, not string`)
  if (retain !== undefined && typeof retain !== 'boolean') throw unreadable(`has a retain of type ${typeOf(retain)}`)
  const origin = originOf(found as Record<string, unknown>)
  const key = typeof entity === 'string' ? entity : topic
  const queuedAt = typeof timestamp === 'number' ? timestamp : null
  const entry = { topic, payload, retain: retain ?? false, entity: key, origin, queuedAt }
  const about = origin === null ? undefined : aboutOf(found as Record<string, unknown>)
  return about === undefined ? entry : { ...entry, about }
}

/** The origin of an entry's text, or null when the entry is unreadable or not ours. */
export function peekOrigin(text: string): Origin | null {
  try {
    return decodeEntry(text).origin
  } catch (error) {
    if (error instanceof AppError) return null // unreadable: the bridge will park it
    throw error
  }
}

/** The error for an entry whose bytes are no UTF-8. */
export function notText(): AppError {
  return unreadable('is not UTF-8')
}

function originOf(fields: Record<string, unknown>): Origin | null {
  const { installation, change, index, count } = fields
  if (typeof installation !== 'string' || typeof change !== 'string' || !/^\d{1,19}$/.test(change)) return null
  if (!Number.isInteger(index) || !Number.isInteger(count)) return null
  return { installation, change, index: index as number, count: count as number }
}

function aboutOf({ event, time }: Record<string, unknown>): About | undefined {
  return typeof event === 'string' && typeof time === 'string' ? { event, time } : undefined
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function unreadable(what: string): AppError {
  return new AppError('NEMO_MQTT_ERR_ENTRY', `the entry ${what}`, {
    hint: 'an entry is a JSON object with topic (string), payload (string) and retain (boolean)',
  })
}
