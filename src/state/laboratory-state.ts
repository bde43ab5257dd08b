import type { NameFormat } from '../map/person.ts'
import { toUtc } from '../map/time.ts'
import { areaStates } from './area-states.ts'
import { namesOf } from './names.ts'
import type { AreaState, ToolState } from './state.ts'
import type { Read } from './state-reader.ts'
import { toolStates } from './tool-states.ts'

/** The state of all tools and areas at one moment. */
export interface LaboratoryState {
  /** By the clock of the database. */
  readonly time: string | null
  /** In the order of NEMO's ids. */
  readonly tools: readonly ToolState[]
  readonly areas: readonly AreaState[]
  /** What cannot be read of this NEMO, for people; null when everything can. */
  readonly problem: string | null
}

/** What has changed from one state to the next. */
export interface StateChange {
  readonly time: string | null
  readonly tools: readonly ToolState[]
  readonly areas: readonly AreaState[]
  /** Ids of tools and areas that are no longer there. */
  readonly gone_tools: readonly string[]
  readonly gone_areas: readonly string[]
  readonly problem: string | null
}

/** Makes states from what was read. */
export function laboratoryState({ rows, problem }: Read, format: NameFormat): LaboratoryState {
  const nameOf = namesOf(rows.users, format)
  const byId = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : 1)
  return {
    time: toUtc(rows.now),
    tools: toolStates(rows, nameOf).sort((a, b) => byId(a.tool_id, b.tool_id)),
    areas: areaStates(rows, nameOf).sort((a, b) => byId(a.area_id, b.area_id)),
    problem,
  }
}

/** What differs; undefined when nothing does. */
export function stateChange(before: LaboratoryState, after: LaboratoryState): StateChange | undefined {
  const tools = differing(before.tools, after.tools, (tool) => tool.tool_id)
  const areas = differing(before.areas, after.areas, (area) => area.area_id)
  const isSame = [tools.changed, tools.gone, areas.changed, areas.gone].every((list) => list.length === 0)
  if (isSame && before.problem === after.problem) return undefined
  const { time, problem } = after
  return {
    time,
    tools: tools.changed,
    areas: areas.changed,
    gone_tools: tools.gone,
    gone_areas: areas.gone,
    problem,
  }
}

function differing<State>(before: readonly State[], after: readonly State[], idOf: (state: State) => string) {
  const texts = new Map(before.map((state) => [idOf(state), JSON.stringify(state)]))
  const changed = after.filter((state) => texts.get(idOf(state)) !== JSON.stringify(state))
  for (const state of after) texts.delete(idOf(state))
  return { changed, gone: [...texts.keys()] }
}
