import Type, { type Static } from 'typebox'
import type { Id } from '../event.ts'

const ID = Type.Unsafe<Id>({ type: 'integer' })
const ID_OR_NULL = Type.Unsafe<Id | null>({ type: ['integer', 'null'] })
const COUNT_OR_NULL = Type.Unsafe<number | null>({ type: ['integer', 'null'] })
const TEXT_OR_NULL = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const FLAG_OR_NULL = Type.Unsafe<boolean | null>({ type: ['boolean', 'null'] })
const TIME_OR_NULL = Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'RFC 3339 in UTC' })

const EVENT_ID = Type.Unsafe<string | null>({
  type: ['string', 'null'],
  description: 'of the last event of this tool or area; null when there was none since the service started',
})
const TIME = Type.Unsafe<string | null>({
  type: ['string', 'null'],
  description: 'since when it is so: RFC 3339 in UTC, by the clock of the database',
})

const RESERVED = {
  reservation_id: ID,
  start_time: TIME_OR_NULL,
  end_time: TIME_OR_NULL,
  user_id: ID_OR_NULL,
  user_name: TEXT_OR_NULL,
  title: TEXT_OR_NULL,
}
const OUTAGE = { title: TEXT_OR_NULL, start_time: TIME_OR_NULL, end_time: TIME_OR_NULL }

const orNull = <Fields extends Type.TProperties>(fields: Fields) => Type.Union([Type.Object(fields), Type.Null()])

/**
 * Retained on `tools/{id}/state`. A child tool has what is its parent's. Keys may be added, none may vanish or change
 * its type.
 */
export const TOOL_STATE = Type.Object(
  {
    tool_id: ID,
    tool_name: TEXT_OR_NULL,
    category: TEXT_OR_NULL,
    visible: FLAG_OR_NULL,
    parent_tool_id: ID_OR_NULL,
    in_use: FLAG_OR_NULL,
    usage_id: ID_OR_NULL,
    user_id: ID_OR_NULL,
    user_name: TEXT_OR_NULL,
    operator_id: ID_OR_NULL,
    operator_name: TEXT_OR_NULL,
    since: TIME_OR_NULL,
    delayed_logoff_until: TIME_OR_NULL,
    operational: FLAG_OR_NULL,
    ready_to_use: FLAG_OR_NULL,
    problem: FLAG_OR_NULL,
    problem_count: COUNT_OR_NULL,
    problem_title: TEXT_OR_NULL,
    problem_description: TEXT_OR_NULL,
    problem_shutdown: FLAG_OR_NULL,
    missing_resources: Type.Unsafe<readonly string[] | null>({ type: ['array', 'null'], items: { type: 'string' } }),
    outage: orNull(OUTAGE),
    next_outage: orNull(OUTAGE),
    reservation: orNull(RESERVED),
    next_reservation: orNull(RESERVED),
    waiting: COUNT_OR_NULL,
    event_id: EVENT_ID,
    time: TIME,
  },
  { title: 'tool_state', description: 'how a tool is now; retained' },
)

/** Retained on `areas/{id}/state`. Who is in an area that lies in it is in it too. */
export const AREA_STATE = Type.Object(
  {
    area_id: ID,
    area_name: TEXT_OR_NULL,
    parent_area_id: ID_OR_NULL,
    requires_reservation: FLAG_OR_NULL,
    maximum_capacity: Type.Unsafe<number | null>({ type: ['integer', 'null'], description: '0 means without limit' }),
    occupancy: Type.Unsafe<number | null>({ type: ['integer', 'null'], description: 'everybody' }),
    occupancy_count: Type.Unsafe<number | null>({
      type: ['integer', 'null'],
      description: 'what NEMO compares with the capacity: without staff and service personnel where they do not count',
    }),
    occupancy_staff: COUNT_OR_NULL,
    occupancy_service_personnel: COUNT_OR_NULL,
    people: Type.Unsafe<ReadonlyArray<{ user_name: string | null; since: string | null }> | null>({
      type: ['array', 'null'],
      items: {
        type: 'object',
        properties: { user_name: { type: ['string', 'null'] }, since: { type: ['string', 'null'] } },
        required: ['user_name', 'since'],
      },
      description: 'who is inside; null unless the setting state_people allows it',
    }),
    event_id: EVENT_ID,
    time: TIME,
  },
  { title: 'area_state', description: 'how an area is now; retained' },
)

/** Retained on `tools/overall`: the laboratory in one line, for a display that shows nothing else. */
export const TOOLS_OVERALL = Type.Object(
  {
    tools: Type.Integer({ description: 'visible ones' }),
    in_use: Type.Integer(),
    free: Type.Integer({ description: 'neither in use nor down' }),
    down: Type.Integer(),
    problems: Type.Integer({ description: 'tools with an open problem' }),
    time: TIME,
  },
  { title: 'tools_overall', description: 'all tools in one line; retained' },
)

/** How a tool is, in the one word that a display shows. */
export type DisplayWord = 'in_use' | 'down' | 'free'

/**
 * Retained for displays that know how a tool is by the last level of the topic alone. Each event of the tool makes it
 * come anew, because such a display takes every event for a state: the end of a usage for a tool that is free, although
 * it was shut down under its user.
 */
export const TOOL_DISPLAY = Type.Object(
  {
    display: Type.Unsafe<DisplayWord>({ type: 'string', enum: ['in_use', 'down', 'free'] }),
    tool_id: ID,
    tool_name: TEXT_OR_NULL,
    user_name: Type.String({ description: 'who uses it; empty when nobody does' }),
    start_time: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'since when it is in use: RFC 3339 in UTC',
    }),
    last_event_id: EVENT_ID,
    timestamp: TIME,
  },
  { title: 'tool_display', description: 'how a tool is now, for displays that read the topic alone; retained' },
)

const SNAPSHOT = {
  snapshot: Type.Literal(true, { description: 'it tells how things are, not that something happened' }),
}
const SNAPSHOT_ID = { event_id: Type.String({ description: 'different for every message of every backfill' }) }

/** Sent on `tools/{id}/snapshot` by `nemo-mqtt backfill`; not retained. */
export const TOOL_SNAPSHOT = Type.Object(
  { event: Type.Literal('tool_snapshot'), ...SNAPSHOT, ...TOOL_STATE.properties, ...SNAPSHOT_ID },
  { title: 'tool_snapshot', description: 'how a tool was when somebody asked for all of them' },
)

/** Sent on `areas/{id}/snapshot` by `nemo-mqtt backfill`; not retained. */
export const AREA_SNAPSHOT = Type.Object(
  { event: Type.Literal('area_snapshot'), ...SNAPSHOT, ...AREA_STATE.properties, ...SNAPSHOT_ID },
  { title: 'area_snapshot', description: 'how an area was when somebody asked for all of them' },
)

/** What is retained on `tools/{id}/state`. */
export type ToolStateMessage = Static<typeof TOOL_STATE>
/** What is retained on `areas/{id}/state`. */
export type AreaStateMessage = Static<typeof AREA_STATE>
/** What is retained for displays. */
export type ToolDisplayMessage = Static<typeof TOOL_DISPLAY>
/** What is retained on `tools/overall`. */
export type ToolsOverallMessage = Static<typeof TOOLS_OVERALL>
