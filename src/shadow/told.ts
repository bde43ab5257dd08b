import { parseRow } from '../map/index.ts'
import { verifyEnvelope } from '../sign/verify.ts'
import type { PluginFields } from './faults.ts'

/** A message in the words of the plugin, from either side. */
export interface ToldMessage {
  /** Below the prefix. */
  readonly topic: string
  /** What is inside the envelope. */
  readonly text: string
  readonly fields: PluginFields
}

/** First level of the plugin's topics, whatever prefix it was configured with. */
export const PLUGIN_PREFIX = 'nemo'

/** What the plugin 1.0.0 tells; its successor has further words, of which nothing is known here. */
const WORDS: ReadonlySet<string> = new Set([
  'tool_created',
  'tool_updated',
  'tool_enabled',
  'tool_disabled',
  'reservation_created',
  'reservation_updated',
  'area_created',
  'area_updated',
  'area_access',
])

const KINDS = /^(tools|reservations|areas|area_access)\//

/** What arrived on a topic: a message of the plugin, one of nemo-mqtt itself, or something else. */
export type Arrival =
  | { readonly kind: 'told'; readonly message: ToldMessage; readonly badSignature: string | undefined }
  | { readonly kind: 'ours' }
  | { readonly kind: 'other' }

/**
 * Reads a message from the wire.
 *
 * @param secret the key of the signatures; undefined when messages are not signed
 */
export function readArrival(wholeTopic: string, wire: string, secret: string | undefined): Arrival {
  const topic = wholeTopic.startsWith(`${PLUGIN_PREFIX}/`) ? wholeTopic.slice(PLUGIN_PREFIX.length + 1) : ''
  if (!KINDS.test(topic)) return { kind: 'other' }
  const verdict = verifyEnvelope(wire, secret ?? '')
  const text = verdict.state === 'none' ? wire : (verdict.payload ?? '')
  const fields = fieldsOf(text)
  if (fields?.event_id !== undefined) return { kind: 'ours' }
  if (fields === undefined || !WORDS.has(fields.event)) return { kind: 'other' }
  return { kind: 'told', message: { topic, text, fields }, badSignature: signatureProblem(verdict, secret) }
}

/** The fields of a text, when it is an event of somebody. */
export function fieldsOf(text: string): PluginFields | undefined {
  try {
    const fields = parseRow(text)
    return typeof fields.event === 'string' ? (fields as PluginFields) : undefined
  } catch {
    return undefined // no JSON object: another program's own words
  }
}

/** What tells messages apart: two with the same key are about the same thing. */
export function keyOf({ topic, fields }: ToldMessage): string {
  return `${topic} ${fields.event} ${String(fields.usage_id ?? '')}`
}

/** The row that a message is about, such as `usages/7` or `tools/5`. */
export function rowOf({ topic, fields }: ToldMessage): string {
  return fields.usage_id === undefined ? topic.split('/').slice(0, 2).join('/') : `usages/${String(fields.usage_id)}`
}

const TIMES = /"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)"/g

/** The text with every time replaced: the plugin and PostgreSQL write the same moment in different zones. */
export function withoutTimes(text: string): string {
  return text.replace(TIMES, '"<time>"')
}

function signatureProblem(verdict: ReturnType<typeof verifyEnvelope>, secret: string | undefined): string | undefined {
  if (secret === undefined) return undefined
  if (verdict.state === 'none') return 'it is not signed, and the configuration says that messages are'
  return verdict.state === 'bad' ? verdict.why : undefined
}
