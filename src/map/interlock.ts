import type { BodyOf } from '../event.ts'
import { differing } from './difference.ts'
import { type Lookup, type Wanted, want } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { digitsOf, idOf, integerOf, type KeyedRow, type RowChange, textOf, toId } from './row.ts'

/** What NEMO's numbers for the state of an interlock mean (`Interlock.State`, 4.7.1 to 8.1.5). */
const STATES: ReadonlyMap<number | null, 'locked' | 'unlocked' | 'unknown'> = new Map([
  [1, 'unlocked'],
  [2, 'locked'],
])

/**
 * Events of a `NEMO_interlock` row. NEMO writes the row with every command, also when it locks what is locked: an event
 * is made when the state differs. It is what NEMO believes, not what the hardware says. The tool is the one that it locks
 * now; the interlock of a door has none.
 */
export function mapInterlock(change: RowChange, lookup: Lookup): MappedEvent[] {
  if (change.operation !== 'UPDATE') return []
  const isSame = differing(change.old, change.new, { state: 'value' }).length === 0
  return isSame ? [] : [onInterlock(interlockBody(change.new, change.at, lookup))]
}

/** What {@link mapInterlock} asks for. */
export function interlockNeeds(change: RowChange, wanted: Wanted): void {
  want(wanted.interlocks, change.new, 'id')
}

function interlockBody(row: KeyedRow, timestamp: string, lookup: Lookup): BodyOf<'interlock_changed'> {
  const state = integerOf(row, 'state')
  const tool = lookup.interlocked(digitsOf(row, 'id'))
  return {
    event: 'interlock_changed',
    interlock_id: row.id,
    interlock_name: textOf(row, 'name'),
    state,
    state_name: STATES.get(state) ?? 'unknown',
    timestamp,
    card_id: idOf(row, 'card_id'),
    channel: integerOf(row, 'channel'),
    unit_id: integerOf(row, 'unit_id'),
    tool_id: tool === undefined ? null : toId(tool.toolId),
    tool_name: tool?.name ?? null,
  }
}

function onInterlock(body: BodyOf<'interlock_changed'>): MappedEvent {
  const topic = `interlocks/${body.interlock_id}`
  return { topic, entity: topic, body }
}
