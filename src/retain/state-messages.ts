import { toId } from '../map/row.ts'
import type { AreaState, Outage, Reserved, ToolState } from '../state/state.ts'
import type {
  AreaStateMessage,
  DisplayWord,
  ToolDisplayMessage,
  ToolStateMessage,
  ToolsOverallMessage,
} from './messages.ts'

type Untimed<Message> = Omit<Message, 'event_id' | 'time'>

/** What of a tool is retained, but for its time. */
export function toolMessage(tool: ToolState): Untimed<ToolStateMessage> {
  const { usage, problem } = tool
  return {
    tool_id: toId(tool.tool_id),
    tool_name: tool.tool_name,
    category: tool.category,
    visible: tool.visible,
    parent_tool_id: idOrNull(tool.parent_tool_id),
    in_use: tool.in_use,
    usage_id: idOrNull(usage?.usage_id),
    user_id: idOrNull(usage?.user_id),
    user_name: usage?.user_name ?? null,
    operator_id: idOrNull(usage?.operator_id),
    operator_name: usage?.operator_name ?? null,
    since: usage?.since ?? null,
    delayed_logoff_until: tool.delayed_logoff?.until ?? null,
    operational: tool.operational,
    ready_to_use: tool.ready_to_use,
    problem: tool.problem_count === null ? null : tool.problem_count > 0,
    problem_count: tool.problem_count,
    problem_title: problem?.title ?? null,
    problem_description: problem?.description ?? null,
    problem_shutdown: tool.problem_count === null ? null : problem?.force_shutdown === true,
    missing_resources: tool.missing_resources,
    outage: outage(tool.outage),
    next_outage: outage(tool.next_outage),
    reservation: reserved(tool.reservation),
    next_reservation: reserved(tool.next_reservation),
    waiting: tool.waiting,
  }
}

/**
 * What of an area is retained, but for its time.
 *
 * @param withPeople whether who is inside may be told
 */
export function areaMessage(area: AreaState, withPeople: boolean): Untimed<AreaStateMessage> {
  return {
    area_id: toId(area.area_id),
    area_name: area.area_name,
    parent_area_id: idOrNull(area.parent_area_id),
    requires_reservation: area.requires_reservation,
    maximum_capacity: area.maximum_capacity,
    occupancy: area.occupancy,
    occupancy_count: area.occupancy_count,
    occupancy_staff: area.occupancy_staff,
    occupancy_service_personnel: area.occupancy_service_personnel,
    people: withPeople ? (area.people?.map(({ user_name, since }) => ({ user_name, since })) ?? null) : null,
  }
}

/**
 * What a display shows of a tool, but for its time; undefined when that cannot be read. Who works at a tool that is down
 * is shown: it is the staff that mends it.
 */
export function displayMessage(tool: ToolState): Omit<ToolDisplayMessage, 'last_event_id' | 'timestamp'> | undefined {
  const { tool_id, tool_name, in_use, operational, usage } = tool
  if (in_use === null || operational === null) return undefined
  const display: DisplayWord = in_use ? 'in_use' : operational ? 'free' : 'down'
  return {
    display,
    tool_id: toId(tool_id),
    tool_name,
    user_name: (in_use && usage?.user_name) || '',
    start_time: in_use ? (usage?.since ?? null) : null,
  }
}

/** All tools in one line, but for its time. Child tools are the business of their parents. */
export function overallMessage(all: readonly ToolState[]): Untimed<ToolsOverallMessage> {
  const tools = all.filter(({ visible }) => visible === true)
  const count = (condition: (tool: ToolState) => boolean): number => tools.filter(condition).length
  return {
    tools: tools.length,
    in_use: count(({ in_use }) => in_use === true),
    free: count(({ in_use, operational }) => in_use === false && operational === true),
    down: count(({ operational }) => operational === false),
    problems: count(({ problem_count }) => (problem_count ?? 0) > 0),
  }
}

function outage(found: Outage | null) {
  return found === null ? null : { title: found.title, start_time: found.start_time, end_time: found.end_time }
}

function reserved(found: Reserved | null) {
  if (found === null) return null
  const { reservation_id, start_time, end_time, user_id, user_name, title } = found
  return { reservation_id: toId(reservation_id), start_time, end_time, user_id: idOrNull(user_id), user_name, title }
}

function idOrNull(digits: string | null | undefined) {
  return digits === null || digits === undefined ? null : toId(digits)
}
