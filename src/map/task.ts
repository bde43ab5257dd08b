import type { BodyOf } from '../event.ts'
import { differing, type Watched } from './difference.ts'
import { type Lookup, type Wanted, want } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { flagOf, integerOf, type KeyedRow, type RowChange, requiredId, textOf, timeOf, wasSet } from './row.ts'

/** `NEMO_task`: what an edit may change. `force_shutdown` counts when it is taken back; setting it is a shutdown. */
const WATCHED: Watched = {
  tool_id: 'value',
  title: 'value',
  problem_description: 'value',
  progress_description: 'value',
  resolution_description: 'value',
  urgency: 'value',
  force_shutdown: 'value',
  safety_hazard: 'value',
  estimated_resolution_time: 'time',
}

const ENDS = ['cancelled', 'resolved'] as const

type TaskEventName =
  | 'task_created'
  | 'task_shutdown'
  | 'task_updated'
  | 'task_resolved'
  | 'task_cancelled'
  | 'task_reopened'

/**
 * Events of a `NEMO_task` row, a problem with a tool. NEMO saves a new task at once a second time, and touches
 * `last_updated` whenever somebody looks after it, so only the columns that people read count. A task does not say
 * whether the tool works: that is the tool's own row.
 *
 * @see NEMO `views/tasks.py`, 4.7.1 to 8.1.5
 */
export function mapTask(change: RowChange, lookup: Lookup): MappedEvent[] {
  const task = (event: Exclude<TaskEventName, 'task_updated'>, row: KeyedRow) =>
    onTool(taskBody(event, row, change, lookup))
  switch (change.operation) {
    case 'INSERT': {
      const created = task('task_created', change.new)
      return flagOf(change.new, 'force_shutdown') === true ? [created, task('task_shutdown', change.new)] : [created]
    }
    case 'DELETE': // somebody tidied up; whoever shows open problems hears of their end before
      return []
    case 'UPDATE': {
      const { old, new: row } = change
      const isShutdown = wasSet(old, row, 'force_shutdown')
      const events = isShutdown ? [task('task_shutdown', row)] : []
      if (wasSet(old, row, 'resolved')) return [...events, task('task_resolved', row)]
      if (wasSet(old, row, 'cancelled')) return [...events, task('task_cancelled', row)]
      const takenBack = ENDS.filter((flag) => wasSet(row, old, flag))
      if (takenBack.length > 0 && isOpen(row)) return [...events, task('task_reopened', row)]
      const edited = differing(old, row, WATCHED).filter((column) => !(isShutdown && column === 'force_shutdown'))
      const changed = [...edited, ...takenBack] // of a task that was both resolved and cancelled, and still is one
      if (changed.length > 0) events.push(onTool({ ...taskBody('task_updated', row, change, lookup), changed }))
      return events
    }
  }
}

/** What {@link mapTask} asks for. */
export function taskNeeds(change: RowChange, wanted: Wanted): void {
  want(wanted.tools, change.new, 'tool_id')
}

function isOpen(row: KeyedRow): boolean {
  return ENDS.every((flag) => flagOf(row, flag) !== true)
}

function taskBody<Name extends TaskEventName>(event: Name, row: KeyedRow, change: RowChange, lookup: Lookup) {
  const toolId = requiredId(change, row, 'tool_id')
  return {
    event,
    task_id: row.id,
    tool_id: toolId,
    tool_name: lookup.tool(String(toolId))?.name ?? null,
    title: textOf(row, 'title'),
    problem_description: textOf(row, 'problem_description'),
    force_shutdown: flagOf(row, 'force_shutdown'),
    safety_hazard: flagOf(row, 'safety_hazard'),
    urgency: integerOf(row, 'urgency'),
    cancelled: flagOf(row, 'cancelled'),
    resolved: flagOf(row, 'resolved'),
    created_at: timeOf(row, 'creation_time'),
    updated_at: timeOf(row, 'last_updated'),
    timestamp: change.at,
  }
}

function onTool(body: BodyOf<TaskEventName>): MappedEvent {
  const entity = `tools/${body.tool_id}`
  return { topic: `${entity}/tasks`, entity, body }
}
