import type { LaboratoryState, StateChange } from '../../state/laboratory-state.ts'
import type { AreaState, ToolState } from '../../state/state.ts'

export type { AreaState, Outage, Problem, Reserved, ToolState, Usage } from '../../state/state.ts'

/** `GET /mqtt/api/tools`, and the event `states` of its stream: how every tool and area is. */
export interface StatesAnswer extends LaboratoryState {
  /** Of the service; a page of another version loads itself again. */
  readonly version: string
}

/** The event `changed`: what differs from what was sent before. */
export type ChangedEvent = StateChange

/** The event `trouble`: what was sent before is not certain any more. It ends with the next `states`. */
export interface TroubleEvent {
  readonly why: string
}

/** What a tool's tile says first. The order is that of urgency. */
export const KINDS = ['down', 'outage', 'missing', 'in_use', 'delayed', 'reserved', 'free'] as const

/** One of them. */
export type Kind = (typeof KINDS)[number]

/** What one word says about a tool; a tool of which nothing can be told counts as free. */
export function kindOf(tool: ToolState): Kind {
  if (tool.operational === false) return 'down'
  if (tool.in_use) return 'in_use'
  if (tool.delayed_logoff !== null) return 'delayed'
  if (tool.outage !== null) return 'outage'
  if ((tool.missing_resources ?? []).length > 0) return 'missing'
  return tool.reservation === null ? 'free' : 'reserved'
}

/** Whether somebody should look after a tool: it is down, or has a problem. */
export function needsCare(tool: ToolState): boolean {
  return tool.operational === false || tool.problem !== null || (tool.missing_resources ?? []).length > 0
}

/** Whether a tool is shown: NEMO hides some, and every child tool. One of which that cannot be told is shown. */
export function isShown(tool: ToolState): boolean {
  return tool.visible !== false && tool.parent_tool_id === null
}

/** Whether an area has as many people as it may have. */
export function isFull({ maximum_capacity: most, occupancy_count: count }: AreaState): boolean {
  return most !== null && most > 0 && count !== null && count >= most
}
