import type { BodyOf, CancellationReason } from '../event.ts'
import { differing, type Watched } from './difference.ts'
import { type Lookup, type Wanted, want } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { NOBODY } from './person.ts'
import { digitsOf, flagOf, idOf, isNull, type KeyedRow, type RowChange, textOf, timeOf, wasSet } from './row.ts'
import { isShifted } from './time.ts'

/** `NEMO_reservation`: what an edit in place may change. */
const WATCHED: Watched = {
  user_id: 'value',
  tool_id: 'value',
  area_id: 'value',
  start: 'time',
  end: 'time',
  title: 'value',
}

const FLAGS = ['cancelled', 'missed', 'shortened'] as const

type ReservationEventName =
  | 'reservation_created'
  | 'reservation_cancelled'
  | 'reservation_missed'
  | 'reservation_updated'
  | 'reservation_deleted'

/**
 * Events of a `NEMO_reservation` row.
 *
 * NEMO moves a reservation in two statements: it inserts a copy, which looks like a new booking, and seconds later
 * cancels the old row and points it at the copy, its descendant. Logging off early does the same, except that the old
 * row is then shortened and not cancelled. A late cancellation sets `missed` together with `cancelled`.
 *
 * @see NEMO `views/calendar.py` modify_reservation and shorten_reservation, `views/timed_services.py`, 4.7.1 to 8.1.5
 */
export function mapReservation(change: RowChange, lookup: Lookup): MappedEvent[] {
  switch (change.operation) {
    case 'INSERT':
      return isLive(change.new)
        ? [onReservation(reservationBody('reservation_created', change.new, change, lookup))]
        : []
    case 'DELETE':
      return [onReservation(reservationBody('reservation_deleted', change.old, change, lookup))]
    case 'UPDATE': {
      const { old, new: row } = change
      const events: MappedEvent[] = []
      const reason = reasonFor(old, row, lookup)
      if (reason !== null) events.push(onReservation(cancelledBody(row, reason, change, lookup)))
      if (wasSet(old, row, 'missed')) {
        events.push(onReservation(reservationBody('reservation_missed', row, change, lookup)))
      }
      if (events.length > 0) return events
      const changed = [...differing(old, row, WATCHED), ...FLAGS.filter((flag) => wasSet(row, old, flag))]
      if (changed.length === 0) return []
      return [onReservation({ ...reservationBody('reservation_updated', row, change, lookup), changed })]
    }
  }
}

/** What {@link mapReservation} asks for. */
export function reservationNeeds(change: RowChange, wanted: Wanted): void {
  const row = change.new ?? change.old
  want(wanted.users, row, 'user_id')
  want(wanted.tools, row, 'tool_id')
  want(wanted.areas, row, 'area_id')
  if (change.operation === 'UPDATE' && wasSet(change.old, change.new, 'cancelled')) {
    want(wanted.reservations, row, 'descendant_id')
  }
}

function isLive(row: KeyedRow): boolean {
  return FLAGS.every((flag) => flagOf(row, flag) !== true)
}

/** Why the update ended the reservation, or null when it did not. */
function reasonFor(old: KeyedRow, row: KeyedRow, lookup: Lookup): CancellationReason | null {
  if (wasSet(old, row, 'cancelled')) {
    // A shortened reservation has a descendant already. Deactivating its user cancels it, and moves nothing.
    const isReplaced =
      !isNull(row, 'descendant_id') && digitsOf(old, 'descendant_id') !== digitsOf(row, 'descendant_id')
    if (!isReplaced) return 'cancelled'
    const descendant = lookup.reservation(digitsOf(row, 'descendant_id'))
    const hasMoved = descendant === undefined ? null : isShifted({ start: row.start, end: row.end }, descendant)
    return hasMoved === false ? 'resized' : 'moved'
  }
  return wasSet(old, row, 'shortened') && flagOf(row, 'cancelled') === false ? 'shortened' : null
}

function cancelledBody(row: KeyedRow, reason: CancellationReason, change: RowChange, lookup: Lookup) {
  const body = reservationBody('reservation_cancelled', row, change, lookup)
  const { username, first_name, last_name, ...fields } = body
  return { ...fields, reason, username, first_name, last_name }
}

function reservationBody<Name extends ReservationEventName>(
  event: Name,
  row: KeyedRow,
  change: RowChange,
  lookup: Lookup,
) {
  const user = lookup.user(digitsOf(row, 'user_id')) ?? NOBODY
  return {
    event,
    reservation_id: row.id,
    user_id: idOf(row, 'user_id'),
    user_name: user.shown,
    start_time: timeOf(row, 'start'),
    end_time: timeOf(row, 'end'),
    timestamp: change.at,
    tool_id: idOf(row, 'tool_id'),
    tool_name: lookup.tool(digitsOf(row, 'tool_id'))?.name ?? null,
    area_id: idOf(row, 'area_id'),
    area_name: lookup.area(digitsOf(row, 'area_id'))?.name ?? null,
    title: textOf(row, 'title'),
    cancelled: flagOf(row, 'cancelled'),
    missed: flagOf(row, 'missed'),
    shortened: flagOf(row, 'shortened'),
    descendant_id: idOf(row, 'descendant_id'),
    username: user.username,
    first_name: user.firstName,
    last_name: user.lastName,
  }
}

function onReservation(body: BodyOf<ReservationEventName>): MappedEvent {
  const topic = `reservations/${body.reservation_id}`
  return { topic, entity: topic, body }
}
