import type { BodyOf } from '../event.ts'
import { differing, type Watched } from './difference.ts'
import { type Lookup, type Wanted, want } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { digitsOf, idOf, type KeyedRow, type RowChange, textOf, timeOf } from './row.ts'
import { secondsBetween } from './time.ts'

/** `NEMO_scheduledoutage`: what an edit may change. NEMO moves an outage in place. */
const WATCHED: Watched = {
  start: 'time',
  end: 'time',
  title: 'value',
  details: 'value',
  category: 'value',
  tool_id: 'value',
  area_id: 'value',
  resource_id: 'value',
}

type OutageEventName = 'outage_scheduled' | 'outage_updated' | 'outage_cancelled'

/**
 * Events of a `NEMO_scheduledoutage` row: a planned outage of a tool, an area or a resource. That it begins or ends is
 * no change of a row. Deleting one that is over cancels nothing.
 *
 * @see NEMO `views/calendar.py` create_outage and cancel_outage, 4.7.1 to 8.1.5
 */
export function mapOutage(change: RowChange, lookup: Lookup): MappedEvent[] {
  switch (change.operation) {
    case 'INSERT':
      return [onOutage(outageBody('outage_scheduled', change.new, change, lookup))]
    case 'DELETE':
      return isOver(change.old, change.at) ? [] : [onOutage(outageBody('outage_cancelled', change.old, change, lookup))]
    case 'UPDATE': {
      const changed = differing(change.old, change.new, WATCHED)
      if (changed.length === 0) return []
      return [onOutage({ ...outageBody('outage_updated', change.new, change, lookup), changed })]
    }
  }
}

/** What {@link mapOutage} asks for. */
export function outageNeeds(change: RowChange, wanted: Wanted): void {
  const row = change.new ?? change.old
  want(wanted.tools, row, 'tool_id')
  want(wanted.areas, row, 'area_id')
  want(wanted.resources, row, 'resource_id')
}

function isOver(row: KeyedRow, at: string): boolean {
  return (secondsBetween(at, row.end) ?? 0) < 0
}

function outageBody<Name extends OutageEventName>(event: Name, row: KeyedRow, { at }: RowChange, lookup: Lookup) {
  return {
    event,
    outage_id: row.id,
    title: textOf(row, 'title'),
    category: textOf(row, 'category'),
    details: textOf(row, 'details'),
    start_time: timeOf(row, 'start'),
    end_time: timeOf(row, 'end'),
    timestamp: at,
    tool_id: idOf(row, 'tool_id'),
    tool_name: lookup.tool(digitsOf(row, 'tool_id'))?.name ?? null,
    area_id: idOf(row, 'area_id'),
    area_name: lookup.area(digitsOf(row, 'area_id'))?.name ?? null,
    resource_id: idOf(row, 'resource_id'),
    resource_name: lookup.resource(digitsOf(row, 'resource_id'))?.name ?? null,
  }
}

function onOutage(body: BodyOf<OutageEventName>): MappedEvent {
  const topic = `outages/${body.outage_id}`
  return { topic, entity: topic, body }
}
