import type { BodyOf } from '../event.ts'
import { differing, type Watched } from './difference.ts'
import type { MappedEvent } from './mapped.ts'
import { flagOf, type KeyedRow, type RowChange, textOf, wasSet } from './row.ts'

/** `NEMO_resource`: what an edit may change, beside whether it is available. */
const WATCHED: Watched = { name: 'value', restriction_message: 'value' }

type ResourceEventName = 'resource_available' | 'resource_unavailable' | 'resource_updated'

/** Events of a `NEMO_resource` row, 4.7.1 to 8.1.5: what tools depend on, such as chilled water. */
export function mapResource(change: RowChange): MappedEvent[] {
  if (change.operation !== 'UPDATE') return []
  const { old, new: row, at } = change
  if (wasSet(old, row, 'available')) return [onResource(resourceBody('resource_available', row, at))]
  if (wasSet(row, old, 'available')) return [onResource(resourceBody('resource_unavailable', row, at))]
  const changed = differing(old, row, WATCHED)
  return changed.length === 0 ? [] : [onResource({ ...resourceBody('resource_updated', row, at), changed })]
}

/** {@link mapResource} finds everything in the row. */
export function resourceNeeds(): void {}

function resourceBody<Name extends ResourceEventName>(event: Name, row: KeyedRow, timestamp: string) {
  return {
    event,
    resource_id: row.id,
    resource_name: textOf(row, 'name'),
    available: flagOf(row, 'available'),
    restriction_message: textOf(row, 'restriction_message'),
    timestamp,
  }
}

function onResource(body: BodyOf<ResourceEventName>): MappedEvent {
  const topic = `resources/${body.resource_id}`
  return { topic, entity: topic, body }
}
