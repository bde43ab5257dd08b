import type { Row } from '../change.ts'
import type { BodyOf, Id } from '../event.ts'
import { differing, type Watched } from './difference.ts'
import type { Lookup, Wanted } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { digitsOf, flagOf, idOf, isNull, type KeyedRow, type RowChange, textOf, toId, wasSet } from './row.ts'

/** `NEMO_tool`: what a person would call a changed tool. Whether it works has events of its own. */
const WATCHED: Watched = { name: 'value', category: 'value', visible: 'value', parent_tool_id: 'value' }

/**
 * Events of a `NEMO_tool` row.
 *
 * Whether a tool works is a matter of root tools alone: NEMO keeps `operational` false on child tools and answers with
 * the parent's. So a root that goes down takes its children along, none of whose rows changed, and a child's own
 * column says nothing. A tool that becomes a child has its columns reset, which looks like a shutdown and is none.
 *
 * @see NEMO `Tool.save()` and `Tool.operational`, 4.7.1 to 8.1.5
 */
export function mapTool(change: RowChange, lookup: Lookup): MappedEvent[] {
  switch (change.operation) {
    case 'INSERT':
      return [onTool(change.new.id, '', toolBody('tool_created', change.new, change.at, lookup))]
    case 'DELETE':
      return [onTool(change.old.id, '', toolBody('tool_deleted', change.old, change.at, lookup))]
    case 'UPDATE': {
      const events: MappedEvent[] = []
      const changed = differing(change.old, change.new, WATCHED)
      if (changed.length > 0) {
        const body = { ...toolBody('tool_updated', change.new, change.at, lookup), changed }
        events.push(onTool(change.new.id, '', body))
      }
      const works = switchedTo(change.old, change.new)
      if (works !== null) events.push(...switched(change.new, works, change.at, lookup))
      return events
    }
  }
}

/** What {@link mapTool} asks for. */
export function toolNeeds(change: RowChange, wanted: Wanted): void {
  const row = change.new ?? change.old
  const parent = digitsOf(row, 'parent_tool_id')
  if (parent !== null) wanted.tools.add(parent)
  if (change.operation === 'UPDATE' && switchedTo(change.old, change.new) !== null) wanted.children.add(String(row.id))
}

function toolBody<Name extends 'tool_created' | 'tool_updated' | 'tool_deleted'>(
  event: Name,
  row: KeyedRow,
  timestamp: string,
  lookup: Lookup,
) {
  const parent = digitsOf(row, 'parent_tool_id')
  return {
    event,
    tool_id: row.id,
    tool_name: textOf(row, 'name'),
    tool_status: parent === null ? flagOf(row, 'operational') : (lookup.tool(parent)?.operational ?? null),
    timestamp,
    category: textOf(row, 'category'),
    visible: flagOf(row, 'visible'),
    parent_tool_id: idOf(row, 'parent_tool_id'),
  }
}

/** The new value when a root tool was switched on or off, else null. */
function switchedTo(old: Row, row: Row): boolean | null {
  if (!isNull(old, 'parent_tool_id') || !isNull(row, 'parent_tool_id')) return null
  if (wasSet(old, row, 'operational')) return true
  return wasSet(row, old, 'operational') ? false : null
}

function switched(root: KeyedRow, works: boolean, timestamp: string, lookup: Lookup): MappedEvent[] {
  const event = works ? 'tool_enabled' : 'tool_disabled'
  const suffix = works ? '/enabled' : '/disabled'
  const announcement = (tool_id: Id, tool_name: string | null, parent_tool_id: Id | null): MappedEvent => {
    const body: BodyOf<typeof event> = { event, tool_id, tool_name, tool_status: works, timestamp, parent_tool_id }
    return onTool(tool_id, suffix, body)
  }
  return [
    announcement(root.id, textOf(root, 'name'), null),
    ...lookup
      .children(String(root.id))
      .map((child) => announcement(toId(child), lookup.tool(child)?.name ?? null, root.id)),
  ]
}

function onTool(id: Id, suffix: string, body: MappedEvent['body']): MappedEvent {
  const entity = `tools/${id}`
  return { topic: entity + suffix, entity, body }
}
