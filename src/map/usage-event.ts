import type { Row } from '../change.ts'
import type { BodyOf, Id } from '../event.ts'
import { differing, type Watched } from './difference.ts'
import { type Lookup, type Wanted, want } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { NOBODY } from './person.ts'
import { digitsOf, flagOf, idOf, isNull, type KeyedRow, type RowChange, requiredId, timeOf, toId } from './row.ts'

/** `NEMO_usageevent`: what a correction may correct. Projects, notes, answers and charges are billing. */
const WATCHED: Watched = {
  start: 'time',
  end: 'time',
  tool_id: 'value',
  user_id: 'value',
  operator_id: 'value',
  remote_work: 'value',
  training: 'value',
}

const LEVEL = {
  tool_usage_start: 'start',
  tool_usage_end: 'end',
  tool_usage_recorded: 'usage',
  tool_usage_updated: 'usage',
  tool_usage_deleted: 'usage',
} as const

type UsageEventName = keyof typeof LEVEL

/**
 * Events of a `NEMO_usageevent` row. A usage is open while `end` is NULL; comparing `end` with a clock would be wrong,
 * because NEMO writes a future `end` when somebody logs off and leaves time for the tool to cool down. An event is made
 * when a usage becomes open, or stops being open, at one tool. A closed row is rewritten many times (validated, waived,
 * transferred, all of them by NEMO's upgrade to 7.2), and none of that happens at the tool.
 *
 * @see NEMO `views/tool_control.py` enable_tool and disable_tool, 4.7.1 to 8.1.5
 */
export function mapUsageEvent(change: RowChange, lookup: Lookup): MappedEvent[] {
  const usage = (event: Exclude<UsageEventName, 'tool_usage_updated'>, row: KeyedRow) =>
    onTool(usageBody(event, row, change, lookup))
  switch (change.operation) {
    case 'INSERT':
      return [usage(isOpen(change.new) ? 'tool_usage_start' : 'tool_usage_recorded', change.new)]
    case 'DELETE': {
      const deleted = usage('tool_usage_deleted', change.old)
      return isOpen(change.old) ? [usage('tool_usage_end', change.old), deleted] : [deleted]
    }
    case 'UPDATE': {
      const { old, new: row } = change
      const hasMoved = digitsOf(old, 'tool_id') !== digitsOf(row, 'tool_id')
      if (isOpen(old)) {
        // The tool that was in use is the one that is free now, whatever else the same update says.
        if (!isOpen(row)) return [usage('tool_usage_end', hasMoved ? { ...row, tool_id: old.tool_id } : row)]
        if (hasMoved) return [usage('tool_usage_end', old), usage('tool_usage_start', row)]
      } else if (isOpen(row)) {
        return [usage('tool_usage_start', row)]
      }
      const changed = differing(old, row, WATCHED)
      if (changed.length === 0) return []
      return [onTool({ ...usageBody('tool_usage_updated', row, change, lookup), changed })]
    }
  }
}

/** What {@link mapUsageEvent} asks for. */
export function usageEventNeeds(change: RowChange, wanted: Wanted): void {
  for (const row of [change.old, change.new]) {
    want(wanted.tools, row, 'tool_id')
    want(wanted.users, row, 'user_id')
    want(wanted.users, row, 'operator_id')
    want(wanted.projects, row, 'project_id')
  }
}

function isOpen(row: Row): boolean {
  return isNull(row, 'end')
}

function usageBody<Name extends UsageEventName>(event: Name, row: KeyedRow, change: RowChange, lookup: Lookup) {
  const toolId = requiredId(change, row, 'tool_id')
  const tool = lookup.tool(String(toolId))
  const user = lookup.user(digitsOf(row, 'user_id')) ?? NOBODY
  return {
    event,
    usage_id: row.id,
    user_id: idOf(row, 'user_id'),
    user_name: user.shown,
    tool_id: toolId,
    tool_name: tool?.name ?? null,
    start_time: timeOf(row, 'start'),
    end_time: timeOf(row, 'end'),
    timestamp: change.at,
    operator_id: idOf(row, 'operator_id'),
    operator_name: lookup.user(digitsOf(row, 'operator_id'))?.shown ?? null,
    project_id: idOf(row, 'project_id'),
    project_name: lookup.project(digitsOf(row, 'project_id'))?.name ?? null,
    parent_tool_id: toIdOrNull(tool?.parentToolId),
    remote_work: flagOf(row, 'remote_work'),
    training: flagOf(row, 'training'),
    username: user.username,
    first_name: user.firstName,
    last_name: user.lastName,
  }
}

function toIdOrNull(digits: string | null | undefined): Id | null {
  return digits === null || digits === undefined ? null : toId(digits)
}

function onTool(body: BodyOf<UsageEventName>): MappedEvent {
  const entity = `tools/${body.tool_id}`
  return { topic: `${entity}/${LEVEL[body.event]}`, entity, body }
}
