import type { BodyOf } from '../event.ts'
import { differing, type Watched } from './difference.ts'
import type { MappedEvent } from './mapped.ts'
import { flagOf, idOf, integerOf, type KeyedRow, type RowChange, textOf } from './row.ts'

/**
 * `NEMO_area`. The tree columns lft, rght, level and tree_id are not here: adding, moving or deleting one area rewrites
 * those of many (django-mptt).
 */
const WATCHED: Watched = {
  name: 'value',
  requires_reservation: 'value',
  maximum_capacity: 'value',
  parent_area_id: 'value',
}

type AreaEventName = 'area_created' | 'area_updated' | 'area_deleted'

/** Events of a `NEMO_area` row, 4.7.1 to 8.1.5. */
export function mapArea(change: RowChange): MappedEvent[] {
  switch (change.operation) {
    case 'INSERT':
      return [onArea(areaBody('area_created', change.new, change.at))]
    case 'DELETE':
      return [onArea(areaBody('area_deleted', change.old, change.at))]
    case 'UPDATE': {
      const changed = differing(change.old, change.new, WATCHED)
      return changed.length === 0 ? [] : [onArea({ ...areaBody('area_updated', change.new, change.at), changed })]
    }
  }
}

/** {@link mapArea} finds everything in the row. */
export function areaNeeds(): void {}

function areaBody<Name extends AreaEventName>(event: Name, row: KeyedRow, timestamp: string) {
  return {
    event,
    area_id: row.id,
    area_name: textOf(row, 'name'),
    area_requires_reservation: flagOf(row, 'requires_reservation'),
    timestamp,
    maximum_capacity: integerOf(row, 'maximum_capacity'),
    parent_area_id: idOf(row, 'parent_area_id'),
  }
}

function onArea(body: BodyOf<AreaEventName>): MappedEvent {
  const topic = `areas/${body.area_id}`
  return { topic, entity: topic, body }
}
