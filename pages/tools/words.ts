import { type AreaState, type Kind, kindOf, type Reserved, type ToolState } from '../../src/http/wire/tools.ts'
import type { Shape } from './icon.tsx'
import { spanOf, timeOf } from './when.ts'

/** What a tile says, in the order of importance. */
export interface Words {
  readonly kind: Kind
  /** The state in a word or two. */
  readonly state: string
  /** Who or what; empty when there is nothing to say. */
  readonly who: string
  /** Since when, for a length that ticks; null when it does not. */
  readonly since: string | null
  readonly notes: readonly Note[]
}

/** One line more. */
export interface Note {
  readonly shape: Shape | null
  readonly text: string
}

/** Words for each kind, also for filters and counts. */
export const STATES: Readonly<Record<Kind, string>> = {
  down: 'Down',
  outage: 'Outage',
  missing: 'Resource missing',
  in_use: 'In use',
  delayed: 'Log-off delayed',
  reserved: 'Reserved now',
  free: 'Free',
}

/** What to say of a tool at a time (milliseconds since 1970). */
export function wordsFor(tool: ToolState, now: number): Words {
  const kind = kindOf(tool)
  const { problem, usage } = tool
  const title = problem?.title ?? (problem === null ? '' : 'a problem is reported')
  const notes: Note[] = []
  if (kind === 'down' && usage !== null) notes.push({ shape: 'in_use', text: `used by ${userOf(tool)}` })
  if (problem !== null && kind !== 'down')
    notes.push({ shape: problem.safety_hazard ? 'hazard' : 'problem', text: title })
  if (usage !== null && usage.tool_id !== tool.tool_id)
    notes.push({ shape: null, text: `with ${usage.tool_name ?? '?'}` })
  if (tool.missing_resources?.length && kind !== 'missing')
    notes.push({ shape: 'missing', text: `without ${tool.missing_resources.join(', ')}` })
  if (tool.delayed_logoff !== null && kind !== 'delayed')
    notes.push({ shape: 'delayed', text: `log-off delayed until ${timeOf(tool.delayed_logoff.until, now)}` })
  if (tool.outage !== null && kind !== 'outage')
    notes.push({ shape: 'outage', text: `outage until ${timeOf(tool.outage.end_time, now)}` })
  if (tool.reservation !== null && kind !== 'reserved' && tool.reservation.user_id !== usage?.user_id)
    notes.push({
      shape: 'reserved',
      text: `reserved until ${timeOf(tool.reservation.end_time, now)}${by(tool.reservation)}`,
    })
  if (tool.next_reservation !== null) notes.push({ shape: 'reserved', text: nextOf(tool.next_reservation, now) })
  if (tool.next_outage !== null)
    notes.push({
      shape: 'outage',
      text: `outage ${spanOf(tool.next_outage.start_time, tool.next_outage.end_time, now)}`,
    })
  if (tool.waiting) notes.push({ shape: 'people', text: `${tool.waiting} waiting` })
  return { kind, state: stateOf(kind, tool), since: sinceOf(kind, tool), who: whoOf(kind, tool, title, now), notes }
}

/** `5 of 12`, `5`, or `?`. */
export function occupancyOf({ occupancy_count: count, maximum_capacity: most }: AreaState): string {
  if (count === null) return '?'
  return most === null || most === 0 ? String(count) : `${count} of ${most}`
}

function stateOf(kind: Kind, tool: ToolState): string {
  return kind === 'free' && tool.operational === null && tool.in_use === null ? 'Unknown' : STATES[kind]
}

function sinceOf(kind: Kind, { usage, problem }: ToolState): string | null {
  if (kind === 'in_use') return usage?.since ?? null
  return kind === 'down' ? (problem?.since ?? null) : null
}

function whoOf(kind: Kind, tool: ToolState, title: string, now: number): string {
  switch (kind) {
    case 'down':
      return title
    case 'in_use':
      return userOf(tool)
    case 'delayed':
      return joined(`until ${timeOf(tool.delayed_logoff?.until ?? null, now)}`, tool.delayed_logoff?.user_name)
    case 'outage':
      return joined(`until ${timeOf(tool.outage?.end_time ?? null, now)}`, tool.outage?.title)
    case 'missing':
      return (tool.missing_resources ?? []).join(', ')
    case 'reserved':
      return joined(`until ${timeOf(tool.reservation?.end_time ?? null, now)}`, tool.reservation?.user_name)
    case 'free':
      return ''
  }
}

// Who stands there comes first; names may not be wanted in this laboratory.
function userOf({ usage }: ToolState): string {
  const user = usage?.user_name ?? ''
  if (usage === null || usage.operator_name === null) return user
  return user === '' ? usage.operator_name : `${usage.operator_name} for ${user}`
}

function nextOf(next: Reserved, now: number): string {
  return `reserved ${spanOf(next.start_time, next.end_time, now)}${by(next)}`
}

function by({ user_name, title }: Reserved): string {
  return [user_name, title]
    .filter(Boolean)
    .map((text) => ` · ${text}`)
    .join('')
}

function joined(...texts: readonly (string | null | undefined)[]): string {
  return texts.filter(Boolean).join(' · ')
}
