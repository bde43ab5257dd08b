import Type, { type TSchema } from 'typebox'
import { EVENTS } from '../event.ts'
import { STAGES } from '../health.ts'
import {
  AREA_SNAPSHOT,
  AREA_STATE,
  TOOL_DISPLAY,
  TOOL_SNAPSHOT,
  TOOL_STATE,
  TOOLS_OVERALL,
} from '../retain/messages.ts'

/** JSON Schema 2020-12, the dialect of everything here. */
const DIALECT = 'https://json-schema.org/draft/2020-12/schema'

const ENVELOPE = Type.Object(
  {
    payload: Type.String({ description: 'the message as text; parse it after the signature was found right' }),
    hmac: Type.String({
      pattern: '^[0-9a-f]{64}$',
      description: 'HMAC-SHA256 over the UTF-8 bytes of `payload`, hexadecimal, lower case',
    }),
    algo: Type.Literal('sha256'),
  },
  {
    title: 'envelope',
    description: 'every message, events and the bridge’s own, when signing is on',
    additionalProperties: false,
  },
)

const BRIDGE_STATE = Type.Union([Type.Literal('online'), Type.Literal('stopped'), Type.Literal('lost')], {
  title: 'bridge_state',
  description: 'a word, no JSON: `stopped` is a clean stop, `lost` the will of a bridge that vanished',
})

const STAGE = Type.Object({
  state: Type.String({ enum: ['starting', 'ok', 'waiting', 'failing'] }),
  why: Type.String(),
  todo: Type.String(),
  since: Type.String({ description: 'RFC 3339' }),
})

const BRIDGE_HEALTH = Type.Object(
  {
    time: Type.String({ description: 'RFC 3339' }),
    version: Type.String(),
    stages: Type.Object(Object.fromEntries(STAGES.map((stage) => [stage, STAGE]))),
    pulse: Type.Integer({ description: 'counts up; one every 4 s while messages flow' }),
  },
  { title: 'bridge_health', description: 'how the bridge is; it has taken the whole way of an event' },
)

const ALL = {
  ...EVENTS,
  tool_state: TOOL_STATE,
  area_state: AREA_STATE,
  tools_overall: TOOLS_OVERALL,
  tool_display: TOOL_DISPLAY,
  tool_snapshot: TOOL_SNAPSHOT,
  area_snapshot: AREA_SNAPSHOT,
  envelope: ENVELOPE,
  bridge_state: BRIDGE_STATE,
  bridge_health: BRIDGE_HEALTH,
} as const

/** Name of a schema: that of an event, or of a message of the bridge itself. */
export type SchemaName = keyof typeof ALL

/** The names of all schemas. */
export const SCHEMA_NAMES = Object.keys(ALL) as readonly SchemaName[]

/** Whether there is a schema of this name. */
export function isSchema(name: string): name is SchemaName {
  return Object.hasOwn(ALL, name)
}

/** A schema without the head of a document, to stand in another one. */
export function bareSchema(name: SchemaName): Readonly<Record<string, unknown>> {
  // TypeBox keeps notes of its own under keys that JSON does not show.
  return JSON.parse(JSON.stringify(ALL[name] satisfies TSchema)) as Record<string, unknown>
}

/** One message as a JSON Schema document. */
export function schemaOf(name: SchemaName): Readonly<Record<string, unknown>> {
  return { $schema: DIALECT, $id: `urn:nemo-mqtt:${name}`, ...bareSchema(name) }
}
