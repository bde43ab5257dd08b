import Type, { type Static } from 'typebox'

/**
 * Identity of a NEMO row. A number wherever that is exact, a bigint beyond 2^53: PostgreSQL has ids that a JavaScript
 * number would round to a neighbour's.
 */
export type Id = number | bigint

const ID = Type.Unsafe<Id>({ type: 'integer' })
const ID_OR_NULL = Type.Unsafe<Id | null>({ type: ['integer', 'null'] })
const INTEGER_OR_NULL = Type.Unsafe<number | null>({ type: ['integer', 'null'] })
const TEXT_OR_NULL = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const FLAG_OR_NULL = Type.Unsafe<boolean | null>({ type: ['boolean', 'null'] })

/** RFC 3339 in UTC, always with `Z`, at most microseconds. `format: date-time` would need a package that checks it. */
const UTC = '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,6})?Z$'
const TIME = Type.String({ pattern: UTC, description: 'when the row changed, in UTC' })
const TIME_OR_NULL = Type.Unsafe<string | null>({ type: ['string', 'null'], pattern: UTC })

const EVENT_ID = Type.String({ description: 'the same for every repeat of this event, different for every other' })
const CHANGED = Type.Array(Type.String(), { minItems: 1, description: 'columns of the NEMO table that changed' })

/** Separate fields beside `user_name`, so that nobody takes a shown name apart (it may hold brackets, or be one word). */
const PERSON = { username: TEXT_OR_NULL, first_name: TEXT_OR_NULL, last_name: TEXT_OR_NULL }

/** `NEMO_tool`. `tool_status` of a child tool is its parent's: NEMO ignores the child's own column. */
const TOOL = { tool_id: ID, tool_name: TEXT_OR_NULL, tool_status: FLAG_OR_NULL, timestamp: TIME }
const TOOL_ROW = { ...TOOL, category: TEXT_OR_NULL, visible: FLAG_OR_NULL, parent_tool_id: ID_OR_NULL }
const TOOL_STATE = { ...TOOL, parent_tool_id: ID_OR_NULL }

/** `NEMO_usageevent`. The user is who is billed, the operator is who stands at the tool. */
const USAGE = {
  usage_id: ID,
  user_id: ID_OR_NULL,
  user_name: TEXT_OR_NULL,
  tool_id: ID,
  tool_name: TEXT_OR_NULL,
  start_time: TIME_OR_NULL,
  end_time: TIME_OR_NULL,
  timestamp: TIME,
  operator_id: ID_OR_NULL,
  operator_name: TEXT_OR_NULL,
  project_id: ID_OR_NULL,
  project_name: TEXT_OR_NULL,
  parent_tool_id: ID_OR_NULL,
  remote_work: FLAG_OR_NULL,
  training: FLAG_OR_NULL,
  ...PERSON,
}

/** `NEMO_task`. `urgency` is -1, 0 or 1; `title` exists since NEMO 8.1. */
const TASK = {
  task_id: ID,
  tool_id: ID,
  tool_name: TEXT_OR_NULL,
  title: TEXT_OR_NULL,
  problem_description: TEXT_OR_NULL,
  force_shutdown: FLAG_OR_NULL,
  safety_hazard: FLAG_OR_NULL,
  urgency: INTEGER_OR_NULL,
  cancelled: FLAG_OR_NULL,
  resolved: FLAG_OR_NULL,
  created_at: TIME_OR_NULL,
  updated_at: TIME_OR_NULL,
  timestamp: TIME,
}

/** `NEMO_area`. */
const AREA = {
  area_id: ID,
  area_name: TEXT_OR_NULL,
  area_requires_reservation: FLAG_OR_NULL,
  timestamp: TIME,
  maximum_capacity: INTEGER_OR_NULL,
  parent_area_id: ID_OR_NULL,
}

/** `NEMO_reservation`, of a tool or of an area. A moved reservation is cancelled and names its descendant. */
const RESERVATION = {
  reservation_id: ID,
  user_id: ID_OR_NULL,
  user_name: TEXT_OR_NULL,
  start_time: TIME_OR_NULL,
  end_time: TIME_OR_NULL,
  timestamp: TIME,
  tool_id: ID_OR_NULL,
  tool_name: TEXT_OR_NULL,
  area_id: ID_OR_NULL,
  area_name: TEXT_OR_NULL,
  title: TEXT_OR_NULL,
  cancelled: FLAG_OR_NULL,
  missed: FLAG_OR_NULL,
  shortened: FLAG_OR_NULL,
  descendant_id: ID_OR_NULL,
}
const REASON = Type.Union([
  Type.Literal('cancelled'),
  Type.Literal('moved'),
  Type.Literal('resized'),
  Type.Literal('shortened'),
])

/** `NEMO_areaaccessrecord` without a staff charge. `duration_s` counts whole seconds. */
const ACCESS = {
  access_id: ID,
  user_id: ID_OR_NULL,
  user_name: TEXT_OR_NULL,
  area_id: ID_OR_NULL,
  area_name: TEXT_OR_NULL,
  access_time: TIME_OR_NULL,
  timestamp: TIME,
  end_time: TIME_OR_NULL,
  duration_s: INTEGER_OR_NULL,
  ...PERSON,
}

/** `NEMO_scheduledoutage`, of a tool, an area or a resource. */
const OUTAGE = {
  outage_id: ID,
  title: TEXT_OR_NULL,
  category: TEXT_OR_NULL,
  details: TEXT_OR_NULL,
  start_time: TIME_OR_NULL,
  end_time: TIME_OR_NULL,
  timestamp: TIME,
  tool_id: ID_OR_NULL,
  tool_name: TEXT_OR_NULL,
  area_id: ID_OR_NULL,
  area_name: TEXT_OR_NULL,
  resource_id: ID_OR_NULL,
  resource_name: TEXT_OR_NULL,
}

/** `NEMO_toolwaitlist`. `turn_at` is when the tool was last offered. */
const WAIT_LIST = {
  entry_id: ID,
  user_id: ID_OR_NULL,
  user_name: TEXT_OR_NULL,
  tool_id: ID,
  tool_name: TEXT_OR_NULL,
  timestamp: TIME,
  entered_at: TIME_OR_NULL,
  turn_at: TIME_OR_NULL,
  ...PERSON,
}

/** `NEMO_alert`. With a user it is for that user alone. */
const ALERT = {
  alert_id: ID,
  title: TEXT_OR_NULL,
  category: TEXT_OR_NULL,
  contents: TEXT_OR_NULL,
  debut_time: TIME_OR_NULL,
  expiration_time: TIME_OR_NULL,
  timestamp: TIME,
  expired: FLAG_OR_NULL,
  deleted: FLAG_OR_NULL,
  user_id: ID_OR_NULL,
  user_name: TEXT_OR_NULL,
  ...PERSON,
}

/** `NEMO_resource`. */
const RESOURCE = {
  resource_id: ID,
  resource_name: TEXT_OR_NULL,
  available: FLAG_OR_NULL,
  restriction_message: TEXT_OR_NULL,
  timestamp: TIME,
}

/** `NEMO_interlock`. `state` is NEMO's number: 1 unlocked, 2 locked, -1 unknown. */
const INTERLOCK = {
  interlock_id: ID,
  interlock_name: TEXT_OR_NULL,
  state: INTEGER_OR_NULL,
  state_name: Type.Union([Type.Literal('locked'), Type.Literal('unlocked'), Type.Literal('unknown')]),
  timestamp: TIME,
  card_id: ID_OR_NULL,
  channel: INTEGER_OR_NULL,
  unit_id: INTEGER_OR_NULL,
  tool_id: ID_OR_NULL,
  tool_name: TEXT_OR_NULL,
}

/** `NEMO_consumablewithdraw`. The user is who is billed, the merchant is who handed it out. */
const WITHDRAWAL = {
  withdrawal_id: ID,
  consumable_id: ID,
  consumable_name: TEXT_OR_NULL,
  quantity: INTEGER_OR_NULL,
  user_id: ID_OR_NULL,
  user_name: TEXT_OR_NULL,
  timestamp: TIME,
  withdrawn_at: TIME_OR_NULL,
  merchant_id: ID_OR_NULL,
  merchant_name: TEXT_OR_NULL,
  project_id: ID_OR_NULL,
  project_name: TEXT_OR_NULL,
  usage_id: ID_OR_NULL,
  ...PERSON,
}

/** `NEMO_user`. The id may be null only because `privacy` makes it so. */
const USER = { user_id: ID_OR_NULL, user_name: TEXT_OR_NULL, timestamp: TIME, ...PERSON }

function event<Name extends string, Fields extends Type.TProperties>(name: Name, description: string, fields: Fields) {
  return Type.Object({ event: Type.Literal(name), ...fields, event_id: EVENT_ID }, { title: name, description })
}

/**
 * Every event, as JSON Schema: the contract with whoever subscribes. The order of the keys is the order in which they
 * are published. Keys may be added, none may vanish or change its type. Events of one row change are published in the
 * order in which they stand here.
 */
export const EVENTS = {
  tool_created: event('tool_created', 'a tool was added', TOOL_ROW),
  tool_updated: event('tool_updated', 'name, category, visibility or parent of a tool changed', {
    ...TOOL_ROW,
    changed: CHANGED,
  }),
  tool_deleted: event('tool_deleted', 'a tool was deleted', TOOL_ROW),
  tool_enabled: event('tool_enabled', 'a tool, or the parent of a child tool, works again', TOOL_STATE),
  tool_disabled: event('tool_disabled', 'a tool, or the parent of a child tool, was shut down', TOOL_STATE),

  tool_usage_start: event('tool_usage_start', 'somebody began to use a tool', USAGE),
  tool_usage_end: event('tool_usage_end', 'somebody logged off a tool; end_time may lie in the future', USAGE),
  tool_usage_recorded: event('tool_usage_recorded', 'a usage that is already over was entered', USAGE),
  tool_usage_updated: event('tool_usage_updated', 'a usage was corrected', { ...USAGE, changed: CHANGED }),
  tool_usage_deleted: event('tool_usage_deleted', 'the record of a usage was deleted', USAGE),

  task_created: event('task_created', 'a problem was reported', TASK),
  task_shutdown: event('task_shutdown', 'a problem was marked as shutting the tool down', TASK),
  task_updated: event('task_updated', 'a problem was edited', { ...TASK, changed: CHANGED }),
  task_resolved: event('task_resolved', 'a problem was solved', TASK),
  task_cancelled: event('task_cancelled', 'a problem was withdrawn', TASK),
  task_reopened: event('task_reopened', 'a solved or withdrawn problem is open again', TASK),

  area_created: event('area_created', 'an area was added', AREA),
  area_updated: event('area_updated', 'name, reservation rule, capacity or parent of an area changed', {
    ...AREA,
    changed: CHANGED,
  }),
  area_deleted: event('area_deleted', 'an area was deleted', AREA),

  reservation_created: event('reservation_created', 'a reservation was made', { ...RESERVATION, ...PERSON }),
  reservation_cancelled: event('reservation_cancelled', 'a reservation no longer holds, and why', {
    ...RESERVATION,
    reason: REASON,
    ...PERSON,
  }),
  reservation_missed: event('reservation_missed', 'a reservation was not used in time', { ...RESERVATION, ...PERSON }),
  reservation_updated: event('reservation_updated', 'a reservation was edited in place', {
    ...RESERVATION,
    ...PERSON,
    changed: CHANGED,
  }),
  reservation_deleted: event('reservation_deleted', 'the record of a reservation was deleted', {
    ...RESERVATION,
    ...PERSON,
  }),

  area_access: event('area_access', 'somebody entered an area', ACCESS),
  area_access_end: event('area_access_end', 'somebody left an area', ACCESS),
  area_access_recorded: event('area_access_recorded', 'a visit that is already over was entered', ACCESS),
  area_access_updated: event('area_access_updated', 'a visit was corrected', { ...ACCESS, changed: CHANGED }),
  area_access_deleted: event('area_access_deleted', 'the record of a visit was deleted', ACCESS),

  outage_scheduled: event('outage_scheduled', 'an outage was planned', OUTAGE),
  outage_updated: event('outage_updated', 'a planned outage was moved or edited', { ...OUTAGE, changed: CHANGED }),
  outage_cancelled: event('outage_cancelled', 'a planned outage was taken back before its end', OUTAGE),

  resource_available: event('resource_available', 'what tools depend on is there again', RESOURCE),
  resource_unavailable: event('resource_unavailable', 'what tools depend on is missing', RESOURCE),
  resource_updated: event('resource_updated', 'name or restriction of a resource changed', {
    ...RESOURCE,
    changed: CHANGED,
  }),

  interlock_changed: event('interlock_changed', 'NEMO locked or unlocked an interlock, or lost sight of it', INTERLOCK),

  alert_created: event('alert_created', 'an alert was put up', ALERT),
  alert_updated: event('alert_updated', 'an alert was edited', { ...ALERT, changed: CHANGED }),
  alert_expired: event('alert_expired', 'NEMO noticed that an alert is over', ALERT),
  alert_deleted: event('alert_deleted', 'an alert was taken down', ALERT),

  wait_list_entered: event('wait_list_entered', 'somebody waits for a tool', WAIT_LIST),
  wait_list_turn: event('wait_list_turn', 'a tool was offered to who waits for it', WAIT_LIST),
  wait_list_expired: event('wait_list_expired', 'who waited did not come in time', WAIT_LIST),
  wait_list_exited: event('wait_list_exited', 'somebody no longer waits, or has the tool', WAIT_LIST),

  consumable_withdrawn: event('consumable_withdrawn', 'somebody took a consumable', WITHDRAWAL),

  user_activated: event('user_activated', 'an account is active again', USER),
  user_deactivated: event('user_deactivated', 'an account was deactivated', USER),

  table_truncated: event('table_truncated', 'a whole NEMO table was emptied at once; its rows have no events', {
    table: Type.String({ description: 'name of the NEMO table' }),
    timestamp: TIME,
  }),
} as const

/**
 * Events that begin or end something, on topics of which the other is left behind: retained, an old `enabled` and an old
 * `disabled` would both look like the present. States are for that.
 */
export const MOMENTARY: ReadonlySet<string> = new Set([
  'tool_enabled',
  'tool_disabled',
  'tool_usage_start',
  'tool_usage_end',
  'tool_usage_recorded',
])

/** Name of an event: the value of its key `event`. */
export type EventName = keyof typeof EVENTS

/** One event as it is published. */
export type EventOf<Name extends EventName> = { [N in Name]: Static<(typeof EVENTS)[N]> }[Name]

/** Any event as it is published, told apart by its key `event`. */
export type Event = EventOf<EventName>

/** One event before it has its `event_id`, which depends on the installation and not on the row. */
export type BodyOf<Name extends EventName> = { [N in Name]: Omit<EventOf<N>, 'event_id'> }[Name]

/** Any event before it has its `event_id`. */
export type EventBody = BodyOf<EventName>

/** Why a reservation no longer holds: see {@link EVENTS}. */
export type CancellationReason = EventOf<'reservation_cancelled'>['reason']
