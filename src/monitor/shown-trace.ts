import { isDeepStrictEqual } from 'node:util'
import { stringify } from 'lossless-json'
import { subjectOf } from '../archive/record.ts'
import type { Change, Row } from '../change.ts'
import { EVENTS, type EventName } from '../event.ts'
import type { MappedTable } from '../map/index.ts'
import { whySilent } from '../map/silence.ts'
import { decodeEntry } from '../queue/entry.ts'
import { cut } from './cut.ts'
import type { ShownColumn, ShownTrace, ShownWay } from './shown.ts'
import type { MessageTrace, Trace } from './traces.ts'

/** A longer value is cut, in characters. */
const VALUE_CHARACTERS = 2_000

/** The rules that make events of changes, as people find them in the sources. */
const RULES: Readonly<Record<MappedTable, string>> = {
  NEMO_tool: 'map/tool',
  NEMO_usageevent: 'map/usage-event',
  NEMO_task: 'map/task',
  NEMO_area: 'map/area',
  NEMO_reservation: 'map/reservation',
  NEMO_areaaccessrecord: 'map/area-access-record',
  NEMO_scheduledoutage: 'map/outage',
  NEMO_toolwaitlist: 'map/wait-list',
  NEMO_alert: 'map/alert',
  NEMO_resource: 'map/resource',
  NEMO_interlock: 'map/interlock',
  NEMO_consumablewithdraw: 'map/consumable-withdraw',
  NEMO_user: 'map/user',
}

/** Takes what must not be shown out of a text. */
export type Clean = (text: string) => string

const GONE =
  'Its old and new values are not in memory: the service read it before its last start, or so many others came since.'

/** A change that is in memory, for people. */
export function shownTrace({ id, change, readAt, messages, silent }: Trace, clean: Clean): ShownTrace {
  return {
    ...NOTHING,
    change: id,
    from: 'memory',
    ...(change === undefined ? {} : shownChange(change, clean)),
    readAt,
    messages: messages.map((message, index) => shownWay(message, index)),
    silent: silent === undefined ? null : clean(silent.why ?? (change === undefined ? 'not known' : whySilent(change))),
    notes: change === undefined ? [GONE] : [],
  }
}

/** Nothing is known of a change but its id. */
export const NOTHING: ShownTrace = {
  change: '',
  from: 'nowhere',
  table: null,
  row: null,
  operation: null,
  at: null,
  atMs: null,
  readAt: null,
  rule: null,
  columns: [],
  messages: [],
  silent: null,
  notes: [],
}

/** What the change itself says. */
export function shownChange(change: Change, clean: Clean): Partial<ShownTrace> {
  const { table, operation, at, old, new: row } = change
  const id = (row ?? old)?.id
  return {
    table,
    operation,
    at,
    atMs: Date.parse(at),
    row: id === undefined ? null : String(id),
    rule: Object.hasOwn(RULES, table) ? RULES[table as MappedTable] : null,
    columns: columnsOf(old, row, clean),
  }
}

/** What an event means; null when it is none of ours. */
export function meaningOf(event: string | null): string | null {
  if (event === null || !Object.hasOwn(EVENTS, event)) return null
  const schema: object = EVENTS[event as EventName]
  return (schema as { readonly description?: string }).description ?? null
}

function columnsOf(old: Row | null, row: Row | null, clean: Clean): ShownColumn[] {
  const names = [...new Set([...Object.keys(old ?? {}), ...Object.keys(row ?? {})])]
  const columns = names.map((name): ShownColumn => {
    const isOther = old === null || row === null || !isDeepStrictEqual(old[name], row[name])
    return { name, old: textOfValue(old, name, clean), new: textOfValue(row, name, clean), differs: isOther }
  })
  return [...columns.filter(({ differs }) => differs), ...columns.filter(({ differs }) => !differs)]
}

function textOfValue(row: Row | null, name: string, clean: Clean): string | null {
  if (row === null || !Object.hasOwn(row, name)) return null
  const text = stringify(row[name]) ?? 'null'
  return clean(text.length > VALUE_CHARACTERS ? `${cut(text, VALUE_CHARACTERS)}… (${text.length} characters)` : text)
}

function shownWay(message: MessageTrace, index: number): ShownWay {
  const { text, entry, queuedAt, way, answeredAt, isUnheard, attempts, parked } = message
  const known = text === undefined ? entry : decodeEntry(text)
  const event = known === undefined ? null : subjectOf(known.payload).event
  const outcome = parked !== null ? 'parked' : answeredAt === null ? 'under way' : isUnheard ? 'unheard' : 'delivered'
  return {
    index,
    event,
    meaning: meaningOf(event),
    topic: known?.topic ?? null,
    queuedAt,
    takenAt: way?.takenAt ?? null,
    sentAt: way?.sentAt ?? null,
    answeredAt,
    attempts: Math.max(attempts, way?.attempts ?? 0),
    outcome,
    why: parked,
  }
}
