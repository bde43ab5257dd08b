import type { Row } from '../../change.ts'
import { safeLevel } from '../safe-level.ts'

/** `{column}` is the row as it is, of a deleted one as it was; `{old.column}` the row before. */
const PLACEHOLDER = /\{(old\.)?([A-Za-z_]\w*)\}/g
const WHOLE = new RegExp(`^${PLACEHOLDER.source}$`)
/** Stands for a value that is NULL or not captured, where a text is needed. */
const NONE = 'none'

/** The rows that placeholders speak of. */
export interface Rows {
  readonly row: Row
  readonly old: Row | null
}

/** The columns that placeholders in a text name, with whether they mean the row before. */
export function placeholdersIn(text: string): ReadonlyArray<{ readonly column: string; readonly isOld: boolean }> {
  return [...text.matchAll(PLACEHOLDER)].map(([, old, column = '']) => ({ column, isOld: old !== undefined }))
}

/** A topic with its placeholders filled; each becomes a part of a level and can make no further one. */
export function filledTopic(topic: string, rows: Rows): string {
  const filled = topic.replace(PLACEHOLDER, (_, old, column) => safeLevel(textOf(columnOf(rows, old, column)), NONE))
  // A tool may be called "bridge".
  return filled.replace(/^bridge(?=\/|$)/, 'bridge_')
}

/** A topic with something harmless in the place of its placeholders. */
export function skeletonOf(topic: string): string {
  return topic.replace(PLACEHOLDER, 'x')
}

/** JSON with its placeholders filled: a text that is nothing but one becomes the value itself, of its own type. */
export function filledPayload(payload: unknown, rows: Rows): unknown {
  if (typeof payload === 'string') return filledText(payload, rows)
  if (Array.isArray(payload)) return payload.map((one) => filledPayload(one, rows))
  if (typeof payload !== 'object' || payload === null) return payload
  return Object.fromEntries(Object.entries(payload).map(([key, value]) => [key, filledPayload(value, rows)]))
}

function filledText(text: string, rows: Rows): unknown {
  const whole = WHOLE.exec(text)
  if (whole !== null) return columnOf(rows, whole[1], whole[2] ?? '') ?? null
  return text.replace(PLACEHOLDER, (_, old, column) => textOf(columnOf(rows, old, column)) ?? '')
}

function columnOf({ row, old }: Rows, isOld: string | undefined, column: string): unknown {
  return (isOld === undefined ? row : (old ?? {}))[column]
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
