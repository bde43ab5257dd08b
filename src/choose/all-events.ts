import type { Change } from '../change.ts'
import { isMapped, mapChange } from '../map/index.ts'
import type { Lookup } from '../map/lookup.ts'
import type { MappedEvent } from '../map/mapped.ts'
import type { Choice } from './choice.ts'

/**
 * Everything that a change becomes: the standard events, then the laboratory's own, so that rules of its own leave every
 * other event_id as it is.
 *
 * @throws AppError NEMO_MQTT_ERR_CHANGE as {@link mapChange}, also for a table that neither it nor a rule knows
 */
export function allEventsOf(change: Change, lookup: Lookup, choice: Choice): MappedEvent[] {
  const isForRulesAlone = !isMapped(change) && choice.hasRuleFor(change.table)
  return [...(isForRulesAlone ? [] : mapChange(change, lookup)), ...choice.custom(change)]
}
