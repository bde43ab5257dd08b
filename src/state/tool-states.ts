import { toInstant, toUtc } from '../map/time.ts'
import type { NameOf } from './names.ts'
import type { OutageRow, ReservationRow, StateRows, TaskRow, ToolRow, UsageRow } from './rows.ts'
import type { DelayedLogoff, Outage, Problem, Reserved, ToolState, Usage } from './state.ts'

type Rooted<Row> = ReadonlyMap<string, readonly Row[]>

/**
 * The state of every tool.
 *
 * @see NEMO `Tool.in_use()`, `problematic()`, `delayed_logoff_in_progress()`, `scheduled_outage_in_progress()`,
 *   `ready_to_use()`: the same in 4.7.1 to 8.1.5 and NEMO-CE
 */
export function toolStates(rows: StateRows, nameOf: NameOf): ToolState[] {
  const tools = new Map(rows.tools?.map((tool) => [tool.id, tool]))
  const rootOf = (id: string): string => tools.get(id)?.parent_tool_id ?? id
  const usages = byRoot(rows.usages, rootOf)
  const tasks = byRoot(rows.tasks, rootOf)
  const reservations = byRoot(rows.reservations, rootOf)
  const waiting = byRoot(rows.waiting, rootOf)
  const outages = byRoot(outagesOfTools(rows), rootOf)
  const missing = byRoot(missingOfTools(rows), rootOf)

  const stateOf = (root: string): Omit<ToolState, 'tool_id' | 'tool_name' | 'visible' | 'parent_tool_id'> => {
    const row = tools.get(root)
    const usage = openUsage(usages?.get(root), tools, nameOf)
    const delayed_logoff = delayedLogoff(usages?.get(root), nameOf)
    const { now: outage, next: next_outage } = nowAndNext(outages?.get(root), rows.now)
    const { now: reservation, next: next_reservation } = nowAndNext(reservations?.get(root), rows.now)
    const missing_resources =
      missing === undefined ? null : [...new Set((missing.get(root) ?? []).map((one) => one.name))]
    const stands = delayed_logoff !== null || outage !== undefined || (missing_resources?.length ?? 0) > 0
    const operational = row?.operational ?? null
    return {
      category: row?.category ?? null,
      operational,
      in_use: usages === undefined ? null : usage !== null,
      usage,
      delayed_logoff,
      problem_count: tasks === undefined ? null : (tasks.get(root)?.length ?? 0),
      problem: gravest(tasks?.get(root)),
      missing_resources,
      outage: outageOf(outage),
      next_outage: outageOf(next_outage),
      reservation: reservedOf(reservation, nameOf),
      next_reservation: reservedOf(next_reservation, nameOf),
      waiting: waiting === undefined ? null : (waiting.get(root)?.length ?? 0),
      ready_to_use: operational === null ? null : operational && !stands,
    }
  }

  const roots = new Map<string, ReturnType<typeof stateOf>>()
  return [...tools.values()].map((tool) => {
    const root = rootOf(tool.id)
    const state = roots.get(root) ?? stateOf(root)
    roots.set(root, state)
    return {
      tool_id: tool.id,
      tool_name: tool.name,
      visible: tool.visible,
      parent_tool_id: tool.parent_tool_id,
      ...state,
    }
  })
}

function grouped<Row>(rows: readonly Row[], keyOf: (row: Row) => string): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group === undefined) groups.set(keyOf(row), [row])
    else group.push(row)
  }
  return groups
}

function byRoot<Row extends { readonly tool_id: string }>(
  rows: readonly Row[] | undefined,
  rootOf: (id: string) => string,
): Rooted<Row> | undefined {
  return rows === undefined ? undefined : grouped(rows, (row) => rootOf(row.tool_id))
}

// More than one is possible: NEMO's own rule against it is newer than some releases, and knows no families.
function openUsage(
  usages: readonly UsageRow[] | undefined,
  tools: ReadonlyMap<string, ToolRow>,
  nameOf: NameOf,
): Usage | null {
  const [newest] = (usages ?? [])
    .filter(({ end }) => end === null)
    .sort((a, b) => compareTimes(b.start, a.start) || compareIds(b.id, a.id))
  if (newest === undefined) return null
  const { operator_id, user_id } = newest
  const operator = operator_id === user_id ? null : operator_id
  return {
    usage_id: newest.id,
    tool_id: newest.tool_id,
    tool_name: tools.get(newest.tool_id)?.name ?? null,
    user_id,
    user_name: nameOf(user_id),
    operator_id: operator,
    operator_name: nameOf(operator),
    since: toUtc(newest.start),
  }
}

function delayedLogoff(usages: readonly UsageRow[] | undefined, nameOf: NameOf): DelayedLogoff | null {
  const [last] = (usages ?? [])
    .filter(({ end }) => end !== null)
    .sort((a, b) => compareTimes(b.end, a.end) || compareIds(b.id, a.id))
  if (last === undefined) return null
  return { usage_id: last.id, user_id: last.user_id, user_name: nameOf(last.user_id), until: toUtc(last.end) }
}

function gravest(tasks: readonly TaskRow[] | undefined): Problem | null {
  const [task] = [...(tasks ?? [])].sort(
    (a, b) =>
      Number(b.force_shutdown) - Number(a.force_shutdown) ||
      Number(b.safety_hazard) - Number(a.safety_hazard) ||
      (b.urgency ?? 0) - (a.urgency ?? 0) ||
      compareIds(b.id, a.id),
  )
  if (task === undefined) return null
  const { force_shutdown, safety_hazard, urgency } = task
  const title = task.title?.trim() || task.problem_description?.trim() || null
  return { task_id: task.id, title, force_shutdown, safety_hazard, urgency, since: toUtc(task.creation_time) }
}

// A tool has the outages of the resources that it cannot work without, too.
function outagesOfTools({ outages, dependences }: StateRows): (OutageRow & { readonly tool_id: string })[] | undefined {
  const dependent = grouped(dependences ?? [], (row) => row.resource_id)
  return outages?.flatMap((outage) => {
    const { tool_id, resource_id } = outage
    if (tool_id !== null) return [{ ...outage, tool_id }]
    return (dependent.get(resource_id ?? '') ?? []).map((row) => ({ ...outage, tool_id: row.tool_id }))
  })
}

function missingOfTools({ resources, dependences }: StateRows): { tool_id: string; name: string }[] | undefined {
  if (resources === undefined || dependences === undefined) return undefined
  const missing = new Map(resources.map((row) => [row.id, row.name ?? `resource ${row.id}`]))
  return dependences.flatMap(({ tool_id, resource_id }) => {
    const name = missing.get(resource_id)
    return name === undefined ? [] : [{ tool_id, name }]
  })
}

function nowAndNext<Row extends { readonly id: string; readonly start: string; readonly end: string }>(
  rows: readonly Row[] | undefined,
  now: string,
): { now: Row | undefined; next: Row | undefined } {
  const sorted = [...(rows ?? [])].sort((a, b) => compareTimes(a.start, b.start) || compareIds(a.id, b.id))
  const present = sorted.filter((row) => compareTimes(row.start, now) <= 0)
  return { now: present[0], next: sorted[present.length] }
}

function outageOf(row: OutageRow | undefined): Outage | null {
  if (row === undefined) return null
  return { outage_id: row.id, title: row.title, start_time: toUtc(row.start), end_time: toUtc(row.end) }
}

function reservedOf(row: ReservationRow | undefined, nameOf: NameOf): Reserved | null {
  if (row === undefined) return null
  return {
    reservation_id: row.id,
    start_time: toUtc(row.start),
    end_time: toUtc(row.end),
    user_id: row.user_id,
    user_name: nameOf(row.user_id),
    title: row.title?.trim() || null,
  }
}

/** Negative when a is earlier; a time without a date (`infinity`) is the latest of all. */
function compareTimes(a: string | null, b: string | null): number {
  const [one, other] = [toInstant(a), toInstant(b)]
  if (one === null || other === null) return Number(one === null) - Number(other === null)
  return one.seconds - other.seconds || one.micros - other.micros
}

function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : Number(a > b))
}
