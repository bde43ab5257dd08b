import type { BodyOf } from '../event.ts'
import { type Lookup, type Wanted, want } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { NOBODY } from './person.ts'
import { type RowChange, wasSet } from './row.ts'

/** One topic for all: an id in it would tell who it is even where `privacy` takes people out of the messages. */
const TOPIC = 'users/active'

/**
 * Events of a `NEMO_user` row, of which nothing but `is_active` is captured.
 *
 * @see NEMO `views/users.py` deactivate, and `views/timed_services.py`, 4.7.1 to 8.1.5
 */
export function mapUser(change: RowChange, lookup: Lookup): MappedEvent[] {
  const event = eventOf(change)
  if (event === null || change.new === null) return []
  const { id } = change.new
  const user = lookup.user(String(id)) ?? NOBODY
  const body: BodyOf<'user_activated' | 'user_deactivated'> = {
    event,
    user_id: id,
    user_name: user.shown,
    timestamp: change.at,
    username: user.username,
    first_name: user.firstName,
    last_name: user.lastName,
  }
  return [{ topic: TOPIC, entity: TOPIC, body }]
}

/** What {@link mapUser} asks for. */
export function userNeeds(change: RowChange, wanted: Wanted): void {
  if (eventOf(change) !== null) want(wanted.users, change.new, 'id')
}

function eventOf(change: RowChange): 'user_activated' | 'user_deactivated' | null {
  if (change.operation !== 'UPDATE') return null
  if (wasSet(change.old, change.new, 'is_active')) return 'user_activated'
  return wasSet(change.new, change.old, 'is_active') ? 'user_deactivated' : null
}
