import type { BodyOf } from '../event.ts'
import { differing } from './difference.ts'
import { type Lookup, type Wanted, want } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { NOBODY } from './person.ts'
import { digitsOf, flagOf, idOf, isNull, type KeyedRow, type RowChange, requiredId, timeOf, wasSet } from './row.ts'

type WaitListEventName = 'wait_list_entered' | 'wait_list_exited' | 'wait_list_expired' | 'wait_list_turn'

/**
 * Events of a `NEMO_toolwaitlist` row. NEMO deletes none: it marks who leaves, or gets the tool, as deleted, and who did
 * not come when it was their turn as expired.
 *
 * @see NEMO `views/tool_control.py` and `views/timed_services.py` do_check_and_update_wait_list, 5.5 to 8.1.5
 */
export function mapWaitList(change: RowChange, lookup: Lookup): MappedEvent[] {
  const entry = (event: WaitListEventName, row: KeyedRow) => [onTool(entryBody(event, row, change, lookup))]
  switch (change.operation) {
    case 'INSERT':
      return isWaiting(change.new) ? entry('wait_list_entered', change.new) : []
    case 'DELETE':
      return isWaiting(change.old) ? entry('wait_list_exited', change.old) : []
    case 'UPDATE': {
      const { old, new: row } = change
      if (!isWaiting(old)) return isWaiting(row) ? entry('wait_list_entered', row) : []
      if (wasSet(old, row, 'expired')) return entry('wait_list_expired', row)
      if (wasSet(old, row, 'deleted')) return entry('wait_list_exited', row)
      const hasTurn = differing(old, row, { last_turn_available_at: 'time' }).length > 0
      return hasTurn && !isNull(row, 'last_turn_available_at') ? entry('wait_list_turn', row) : []
    }
  }
}

/** What {@link mapWaitList} asks for. */
export function waitListNeeds(change: RowChange, wanted: Wanted): void {
  const row = change.new ?? change.old
  want(wanted.tools, row, 'tool_id')
  want(wanted.users, row, 'user_id')
}

function isWaiting(row: KeyedRow): boolean {
  return flagOf(row, 'deleted') !== true && flagOf(row, 'expired') !== true
}

function entryBody<Name extends WaitListEventName>(event: Name, row: KeyedRow, change: RowChange, lookup: Lookup) {
  const user = lookup.user(digitsOf(row, 'user_id')) ?? NOBODY
  return {
    event,
    entry_id: row.id,
    user_id: idOf(row, 'user_id'),
    user_name: user.shown,
    tool_id: requiredId(change, row, 'tool_id'),
    tool_name: lookup.tool(digitsOf(row, 'tool_id'))?.name ?? null,
    timestamp: change.at,
    entered_at: timeOf(row, 'date_entered'),
    turn_at: timeOf(row, 'last_turn_available_at'),
    username: user.username,
    first_name: user.firstName,
    last_name: user.lastName,
  }
}

function onTool(body: BodyOf<WaitListEventName>): MappedEvent {
  const entity = `tools/${body.tool_id}`
  return { topic: `${entity}/wait_list`, entity, body }
}
