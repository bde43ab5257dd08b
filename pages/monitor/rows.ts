import { effect, signal } from '@preact/signals'
import {
  KINDS,
  type Kind,
  type ShownBatch,
  type ShownHistory,
  type ShownMessage,
  type Totals,
} from '../../src/http/wire/monitor.ts'
import { matches } from './filter.ts'

/** Rows that are kept of each kind, and rows that are shown. */
export const MOST_ROWS = 500

/** One row of the list. */
export interface Row {
  /** Unique in this page, and higher than that of every row before. */
  readonly key: number
  /** Which start of the service it comes from. */
  readonly run: string
  readonly message: ShownMessage
}

const NONE: Totals = { redis: 0, mqtt: 0, parked: 0, silent: 0, pulse: 0 }

/** What the list shows, oldest first. */
export const rows = signal<readonly Row[]>([])
/** How many passed since the start of the service. */
export const totals = signal<Totals>(NONE)
/** How many passed that could not be shown, because more came than is kept. */
export const missed = signal(0)
/** Whether the list stands still; what arrives is counted meanwhile. */
export const isHeld = signal(false)
/** How many rows arrived while it stood still. */
export const held = signal(0)
/** How many rows were pushed out at the front since the beginning: the list keeps its place by it. */
export const dropped = signal(0)

const kept: Record<Kind, Row[]> = { redis: [], mqtt: [], parked: [], silent: [], pulse: [] }
let fresh: Row[] = []
let isAwaited = false
let nextKey = 1_000
let run = ''
let lastId = 0
let hasBefore = false

effect(() => {
  void matches.value // a changed filter looks at all that is kept
  showAll()
})

/** All that the service keeps has arrived: at first, and after each loss of the stream. */
export function addHistory(history: ShownHistory): void {
  const isOtherRun = history.run !== run
  if (isOtherRun) {
    // What the former run delivered is here already, unless this page is new.
    hasBefore = run !== ''
    run = history.run
    lastId = 0
    totals.value = NONE
  }
  const isFirst = isOtherRun && !hasBefore
  const before = hasBefore ? [] : history.messages.filter(({ from }) => from === 'before')
  if (before.length > 0) {
    hasBefore = true
    kept.redis.unshift(...before.map((message, index) => ({ key: index + 1, run, message })))
    showAll()
  }
  const later = history.messages.filter(({ id, from }) => id > lastId && from !== 'before')
  const passed = sum(history.totals) - sum(totals.value)
  if (!isFirst) missed.value += Math.max(0, passed - later.length)
  totals.value = history.totals
  add(later)
}

/** Something has passed. */
export function addBatch(batch: ShownBatch): void {
  missed.value += batch.skipped
  totals.value = batch.totals
  add(batch.messages.filter(({ id }) => id > lastId))
}

/** Forgets what is shown. */
export function clear(): void {
  for (const kind of KINDS) kept[kind] = []
  fresh = []
  missed.value = 0
  held.value = 0
  rows.value = []
}

/** Stands still, or goes on with all that arrived meanwhile. */
export function hold(isStill: boolean): void {
  isHeld.value = isStill
  held.value = 0
  if (!isStill) showAll()
}

function add(messages: readonly ShownMessage[]): void {
  const arrived = messages.map((message) => ({ key: nextKey++, run, message }))
  for (const row of arrived) {
    const list = kept[row.message.kind]
    list.push(row)
    lastId = Math.max(lastId, row.message.id)
    if (list.length > 2 * MOST_ROWS) list.splice(0, list.length - MOST_ROWS)
  }
  fresh.push(...arrived.filter(({ message }) => matches.value(message)))
  if (isHeld.value) {
    held.value += fresh.length
    fresh = []
    return
  }
  if (fresh.length > MOST_ROWS) fresh = fresh.slice(-MOST_ROWS)
  if (isAwaited || fresh.length === 0) return
  isAwaited = true
  // However much arrives, the list is drawn once a frame.
  requestAnimationFrame(showFresh)
}

function showFresh(): void {
  isAwaited = false
  if (fresh.length === 0) return
  const all = [...rows.value, ...fresh]
  fresh = []
  dropped.value += Math.max(0, all.length - MOST_ROWS)
  rows.value = all.slice(-MOST_ROWS)
}

function showAll(): void {
  fresh = []
  const isShown = matches.peek()
  const all = KINDS.flatMap((kind) => kept[kind].filter(({ message }) => isShown(message)))
  rows.value = all.sort((one, other) => one.key - other.key).slice(-MOST_ROWS)
}

function sum(all: Totals): number {
  return Object.values(all).reduce((one, other) => one + other, 0)
}
