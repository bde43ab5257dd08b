import type { BodyOf } from '../event.ts'
import { type Lookup, type Wanted, want } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { NOBODY } from './person.ts'
import { digitsOf, idOf, integerOf, type RowChange, requiredId, timeOf } from './row.ts'

/**
 * Events of a `NEMO_consumablewithdraw` row: somebody took something. Whatever is done to the row later is billing.
 *
 * @see NEMO `views/consumables.py` make_withdrawal, 4.7.1 to 8.1.5
 */
export function mapConsumableWithdraw(change: RowChange, lookup: Lookup): MappedEvent[] {
  if (change.operation !== 'INSERT') return []
  const { new: row } = change
  const user = lookup.user(digitsOf(row, 'customer_id')) ?? NOBODY
  const body: BodyOf<'consumable_withdrawn'> = {
    event: 'consumable_withdrawn',
    withdrawal_id: row.id,
    consumable_id: requiredId(change, row, 'consumable_id'),
    consumable_name: lookup.consumable(digitsOf(row, 'consumable_id'))?.name ?? null,
    quantity: integerOf(row, 'quantity'),
    user_id: idOf(row, 'customer_id'),
    user_name: user.shown,
    timestamp: change.at,
    withdrawn_at: timeOf(row, 'date'),
    merchant_id: idOf(row, 'merchant_id'),
    merchant_name: lookup.user(digitsOf(row, 'merchant_id'))?.shown ?? null,
    project_id: idOf(row, 'project_id'),
    project_name: lookup.project(digitsOf(row, 'project_id'))?.name ?? null,
    usage_id: idOf(row, 'usage_event_id'),
    username: user.username,
    first_name: user.firstName,
    last_name: user.lastName,
  }
  const topic = `consumables/${body.consumable_id}`
  return [{ topic, entity: topic, body }]
}

/** What {@link mapConsumableWithdraw} asks for. */
export function consumableWithdrawNeeds(change: RowChange, wanted: Wanted): void {
  if (change.operation !== 'INSERT') return
  want(wanted.consumables, change.new, 'consumable_id')
  want(wanted.users, change.new, 'customer_id')
  want(wanted.users, change.new, 'merchant_id')
  want(wanted.projects, change.new, 'project_id')
}
