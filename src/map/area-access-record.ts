import type { Row } from '../change.ts'
import type { BodyOf } from '../event.ts'
import { differing, type Watched } from './difference.ts'
import { type Lookup, type Wanted, want } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { NOBODY } from './person.ts'
import { digitsOf, idOf, isNull, type KeyedRow, type RowChange, timeOf } from './row.ts'
import { secondsBetween } from './time.ts'

/** `NEMO_areaaccessrecord`: what a correction may correct. The project is billing. */
const WATCHED: Watched = { customer_id: 'value', area_id: 'value', start: 'time', end: 'time' }

type AccessEventName =
  | 'area_access'
  | 'area_access_end'
  | 'area_access_recorded'
  | 'area_access_updated'
  | 'area_access_deleted'

/**
 * Events of a `NEMO_areaaccessrecord` row. A record with a staff charge bills a customer who is not there, so to
 * presence it does not exist; one that gains or loses its charge vanishes or appears. NEMO's automatic log-out writes
 * `end` twice, the second time earlier: an end, then a correction.
 *
 * @see NEMO `views/area_access.py`, `views/timed_services.py`, 4.7.1 to 8.1.5
 */
export function mapAreaAccessRecord(change: RowChange, lookup: Lookup): MappedEvent[] {
  const access = (event: Exclude<AccessEventName, 'area_access_updated'>, row: KeyedRow) =>
    onRecord(accessBody(event, row, change, lookup))
  const appeared = (row: KeyedRow) => [access(isOpen(row) ? 'area_access' : 'area_access_recorded', row)]
  const vanished = (row: KeyedRow) => {
    const deleted = access('area_access_deleted', row)
    return isOpen(row) ? [access('area_access_end', row), deleted] : [deleted]
  }
  const old = change.old !== null && isPresence(change.old) ? change.old : null
  const row = change.new !== null && isPresence(change.new) ? change.new : null
  if (old === null) return row === null ? [] : appeared(row)
  if (row === null) return vanished(old)
  if (isOpen(old) !== isOpen(row)) return [access(isOpen(row) ? 'area_access' : 'area_access_end', row)]
  const changed = differing(old, row, WATCHED)
  return changed.length === 0 ? [] : [onRecord({ ...accessBody('area_access_updated', row, change, lookup), changed })]
}

/** What {@link mapAreaAccessRecord} asks for. */
export function areaAccessRecordNeeds(change: RowChange, wanted: Wanted): void {
  for (const row of [change.old, change.new]) {
    if (row === null || !isPresence(row)) continue
    want(wanted.users, row, 'customer_id')
    want(wanted.areas, row, 'area_id')
  }
}

function isPresence(row: Row): boolean {
  return isNull(row, 'staff_charge_id')
}

function isOpen(row: Row): boolean {
  return isNull(row, 'end')
}

function accessBody<Name extends AccessEventName>(event: Name, row: KeyedRow, change: RowChange, lookup: Lookup) {
  const user = lookup.user(digitsOf(row, 'customer_id')) ?? NOBODY
  return {
    event,
    access_id: row.id,
    user_id: idOf(row, 'customer_id'),
    user_name: user.shown,
    area_id: idOf(row, 'area_id'),
    area_name: lookup.area(digitsOf(row, 'area_id'))?.name ?? null,
    access_time: timeOf(row, 'start'),
    timestamp: change.at,
    end_time: timeOf(row, 'end'),
    duration_s: secondsBetween(row.start, row.end),
    username: user.username,
    first_name: user.firstName,
    last_name: user.lastName,
  }
}

function onRecord(body: BodyOf<AccessEventName>): MappedEvent {
  const topic = `area_access/${body.access_id}`
  return { topic, entity: topic, body }
}
