import type { BodyOf } from '../event.ts'
import { differing, type Watched } from './difference.ts'
import { type Lookup, type Wanted, want } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { NOBODY } from './person.ts'
import { digitsOf, flagOf, idOf, type KeyedRow, type RowChange, textOf, timeOf, wasSet } from './row.ts'

/** `NEMO_alert`: what an edit may change. */
const WATCHED: Watched = {
  title: 'value',
  contents: 'value',
  category: 'value',
  debut_time: 'time',
  expiration_time: 'time',
  user_id: 'value',
}

type AlertEventName = 'alert_created' | 'alert_updated' | 'alert_expired' | 'alert_deleted'

/**
 * Events of a `NEMO_alert` row. NEMO marks alerts as expired when somebody opens a page after their time, so this may
 * be late; and before 7.0 it writes all of them anew with each page, which is no event.
 *
 * @see NEMO `views/alerts.py`, 4.7.1 to 8.1.5
 */
export function mapAlert(change: RowChange, lookup: Lookup): MappedEvent[] {
  const alert = (event: Exclude<AlertEventName, 'alert_updated'>, row: KeyedRow) => [
    onAlert(alertBody(event, row, change, lookup)),
  ]
  switch (change.operation) {
    case 'INSERT':
      return flagOf(change.new, 'deleted') === true ? [] : alert('alert_created', change.new)
    case 'DELETE':
      return flagOf(change.old, 'deleted') === true ? [] : alert('alert_deleted', change.old)
    case 'UPDATE': {
      const { old, new: row } = change
      if (wasSet(old, row, 'deleted')) return alert('alert_deleted', row)
      if (wasSet(old, row, 'expired')) return alert('alert_expired', row)
      const back = (['expired', 'deleted'] as const).filter((flag) => wasSet(row, old, flag))
      const changed = [...differing(old, row, WATCHED), ...back]
      if (changed.length === 0) return []
      return [onAlert({ ...alertBody('alert_updated', row, change, lookup), changed })]
    }
  }
}

/** What {@link mapAlert} asks for. */
export function alertNeeds(change: RowChange, wanted: Wanted): void {
  want(wanted.users, change.new ?? change.old, 'user_id')
}

function alertBody<Name extends AlertEventName>(event: Name, row: KeyedRow, { at }: RowChange, lookup: Lookup) {
  const user = lookup.user(digitsOf(row, 'user_id')) ?? NOBODY
  return {
    event,
    alert_id: row.id,
    title: textOf(row, 'title'),
    category: textOf(row, 'category'),
    contents: textOf(row, 'contents'),
    debut_time: timeOf(row, 'debut_time'),
    expiration_time: timeOf(row, 'expiration_time'),
    timestamp: at,
    expired: flagOf(row, 'expired'),
    deleted: flagOf(row, 'deleted'),
    user_id: idOf(row, 'user_id'),
    user_name: user.shown,
    username: user.username,
    first_name: user.firstName,
    last_name: user.lastName,
  }
}

function onAlert(body: BodyOf<AlertEventName>): MappedEvent {
  const topic = `alerts/${body.alert_id}`
  return { topic, entity: topic, body }
}
