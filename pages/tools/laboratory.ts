import { computed, signal } from '@preact/signals'
import {
  type AreaState,
  type ChangedEvent,
  isShown,
  type StatesAnswer,
  type ToolState,
  type TroubleEvent,
} from '../../src/http/wire/tools.ts'
import { LiveStream } from '../frame/stream.ts'
import { setClock } from './clock.ts'

const tools = signal<ReadonlyMap<string, ToolState>>(new Map())
const areas = signal<ReadonlyMap<string, AreaState>>(new Map())
const trouble = signal<string | null>(null)
let version: string | undefined

/** What cannot be read of this NEMO, for people. */
export const problem = signal<string | null>(null)

/** When the service last said something, by this browser's clock; undefined until it has. */
export const lastWord = signal<number | undefined>(undefined)

/** The tools that are shown. */
export const shownTools = computed(() => [...tools.value.values()].filter(isShown))

/** All areas. */
export const shownAreas = computed(() => [...areas.value.values()])

const stream = new LiveStream('tools/stream', {
  states: (states: StatesAnswer) => {
    // The page is of the version that served it; after an upgrade it must be the new one.
    if (version !== undefined && version !== states.version) location.reload()
    version = states.version
    tools.value = byId(states.tools, (tool) => tool.tool_id)
    areas.value = byId(states.areas, (area) => area.area_id)
    heard(states)
  },
  changed: (change: ChangedEvent) => {
    tools.value = withChanges(tools.value, change.tools, change.gone_tools, (tool) => tool.tool_id)
    areas.value = withChanges(areas.value, change.areas, change.gone_areas, (area) => area.area_id)
    heard(change)
  },
  trouble: ({ why }: TroubleEvent) => {
    trouble.value = why
  },
  alive: () => {
    if (trouble.value === null) lastWord.value = Date.now()
  },
})

/** Why what is shown is not live; null when it is. */
export const notLive = computed(() => {
  const state = stream.state.value
  if (state.is === 'lost') return state.why
  if (trouble.value !== null) return `NEMO’s database cannot be read: ${trouble.value}`
  return lastWord.value !== undefined && state.is === 'connecting' ? 'Connecting again …' : null
})

/** Begins to listen. */
export function listen(): void {
  stream.open()
}

function heard(news: StatesAnswer | ChangedEvent): void {
  problem.value = news.problem
  trouble.value = null
  lastWord.value = Date.now()
  setClock(news.time)
}

function byId<State>(states: readonly State[], idOf: (state: State) => string): ReadonlyMap<string, State> {
  return new Map(states.map((state) => [idOf(state), state]))
}

function withChanges<State>(
  before: ReadonlyMap<string, State>,
  changed: readonly State[],
  gone: readonly string[],
  idOf: (state: State) => string,
): ReadonlyMap<string, State> {
  if (changed.length === 0 && gone.length === 0) return before
  const after = new Map(before)
  for (const state of changed) after.set(idOf(state), state)
  for (const id of gone) after.delete(id)
  return after
}
