import type { Change, Row } from '../change.ts'
import { parseRow } from '../map/index.ts'
import { whySilent } from '../map/silence.ts'
import type { Entry } from '../queue/entry.ts'
import type { Delivery, Parked } from '../traffic.ts'

/** What became of a message, or of a change that became none. */
export type LoggedOutcome = 'delivered' | 'unheard' | 'parked' | 'silent'

/** One row of the message log; ids are digits. */
export interface LoggedMessage {
  readonly at: Date
  readonly change: string | null
  readonly table: string | null
  readonly row: string | null
  readonly event: string | null
  readonly tool: string | null
  readonly area: string | null
  readonly topic: string | null
  /** What is inside the envelope. */
  readonly payload: string | null
  readonly outcome: LoggedOutcome
  readonly reason: string | null
}

/** A longer payload is cut: a problem report may hold megabytes. In characters. */
const LONGEST_PAYLOAD = 1_000_000

/** Which table an event is about, and under which key the payload has the id of its row; the longer word first. */
const SUBJECTS = [
  ['tool_usage_', 'NEMO_usageevent', 'usage_id'],
  ['tool_', 'NEMO_tool', 'tool_id'],
  ['task_', 'NEMO_task', 'task_id'],
  ['area_access', 'NEMO_areaaccessrecord', 'access_id'],
  ['area_', 'NEMO_area', 'area_id'],
  ['reservation_', 'NEMO_reservation', 'reservation_id'],
  ['outage_', 'NEMO_scheduledoutage', 'outage_id'],
  ['resource_', 'NEMO_resource', 'resource_id'],
  ['interlock_', 'NEMO_interlock', 'interlock_id'],
  ['alert_', 'NEMO_alert', 'alert_id'],
  ['wait_list_', 'NEMO_toolwaitlist', 'entry_id'],
  ['consumable_', 'NEMO_consumablewithdraw', 'withdrawal_id'],
  ['user_', 'NEMO_user', 'user_id'],
] as const

/** What a payload is about, as far as it tells. */
export type Subject = Pick<LoggedMessage, 'change' | 'table' | 'row' | 'event' | 'tool' | 'area'>

const NOTHING: Subject = { change: null, table: null, row: null, event: null, tool: null, area: null }

/** Reads from a payload what it is about. An entry of another program may hold anything; never throws. */
export function subjectOf(payload: string): Subject {
  let fields: Row
  try {
    fields = parseRow(payload)
  } catch {
    return NOTHING // no JSON object: another program's own words
  }
  const event = typeof fields.event === 'string' ? clean(fields.event) : null
  // With the plugin's words a tool is enabled by whoever begins to use it.
  const word = isAnnouncement(event) && fields.usage_id !== undefined ? 'tool_usage_' : event
  const [, table, key] = SUBJECTS.find(([begin]) => word?.startsWith(begin)) ?? []
  const isTruncation = event === 'table_truncated' && typeof fields.table === 'string'
  return {
    change: changeOf(fields.event_id),
    table: isTruncation ? clean(fields.table as string) : (table ?? null),
    // A child tool is announced because its parent was switched: that is the row which changed.
    row:
      (isAnnouncement(event) ? digits(fields.parent_tool_id) : null) ??
      (key === undefined ? null : digits(fields[key])),
    event,
    tool: digits(fields.tool_id),
    area: digits(fields.area_id),
  }
}

/** The row of the log for a message that the broker has. */
export function deliveredMessage({ entry, hasSubscribers }: Delivery, at: Date): LoggedMessage {
  return { ...fromEntry(entry), at, outcome: hasSubscribers ? 'delivered' : 'unheard', reason: null }
}

/** The row of the log for a message that was set aside. */
export function parkedMessage({ entry, reason }: Parked, at: Date): LoggedMessage {
  const what = entry === undefined ? { ...NOTHING, topic: null, payload: null } : fromEntry(entry)
  return { ...what, at, outcome: 'parked', reason: clean(reason) }
}

/** The row of the log for a change that became no message, `why` when a filter left its events out. */
export function silentMessage(change: Change, at: Date, why?: string): LoggedMessage {
  const row = change.new ?? change.old ?? {}
  return {
    at,
    change: change.id,
    table: change.table,
    row: digits(row.id),
    event: null,
    tool: digits(change.table === 'NEMO_tool' ? row.id : row.tool_id),
    area: digits(change.table === 'NEMO_area' ? row.id : row.area_id),
    topic: null,
    payload: null,
    outcome: 'silent',
    reason: clean(why ?? whySilent(change)),
  }
}

function fromEntry({ topic, payload, origin }: Entry): Omit<LoggedMessage, 'at' | 'outcome' | 'reason'> {
  const subject = subjectOf(payload)
  const change = origin === null || !isBigint(origin.change) ? subject.change : origin.change
  return { ...subject, change, topic: clean(topic), payload: clean(payload.slice(0, LONGEST_PAYLOAD)) }
}

function isAnnouncement(event: string | null): boolean {
  return event === 'tool_enabled' || event === 'tool_disabled'
}

// The event_id outlives the origin of an entry: one that was parked and sent again has no other sign of its change.
function changeOf(eventId: unknown): string | null {
  const change = typeof eventId === 'string' ? /^[0-9a-z]+-(\d{1,19})-\d+$/.exec(eventId)?.[1] : undefined
  return change !== undefined && isBigint(change) ? change : null
}

function isBigint(text: string): boolean {
  return BigInt.asIntN(64, BigInt(text)) === BigInt(text)
}

function digits(value: unknown): string | null {
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? String(value) : null
}

/** PostgreSQL takes neither NUL nor half a surrogate pair. */
function clean(text: string): string {
  return text.replaceAll('\u0000', '\ufffd').toWellFormed()
}
