import { parse } from 'lossless-json'
import type { Change, Row } from '../change.ts'
import { AppError, reasonOf } from '../errors.ts'
import type { Id } from '../event.ts'
import { toUtc } from './time.ts'

/** A row whose id is known to be usable. */
export type KeyedRow = Row & { readonly id: Id }

interface Inserted extends Change {
  readonly operation: 'INSERT'
  readonly old: null
  readonly new: KeyedRow
}

interface Updated extends Change {
  readonly operation: 'UPDATE'
  readonly old: KeyedRow
  readonly new: KeyedRow
}

interface Deleted extends Change {
  readonly operation: 'DELETE'
  readonly old: KeyedRow
  readonly new: null
}

/** A change that has the rows which its operation promises. TRUNCATE is none: it has no row. */
export type RowChange = Inserted | Updated | Deleted

// 16 digits in a row are what an integer beyond 2^53 has at least. A text column may hold them too: slower, not wrong.
const MAY_BE_BEYOND_2_53 = /\d{16}/

/**
 * Reads the jsonb text of a row without losing digits: integers beyond 2^53 become bigint.
 *
 * @throws AppError NEMO_MQTT_ERR_CHANGE when the text is no JSON object
 */
export function parseRow(text: string): Row {
  let value: unknown
  try {
    value = MAY_BE_BEYOND_2_53.test(text) ? parse(text, undefined, exactNumber) : JSON.parse(text)
  } catch (error) {
    throw new AppError('NEMO_MQTT_ERR_CHANGE', `a captured row is not JSON: ${reasonOf(error)}`, { cause: error })
  }
  if (!isRow(value)) throw new AppError('NEMO_MQTT_ERR_CHANGE', 'a captured row is no JSON object')
  return value
}

/**
 * Makes sure that a change has its rows and that they say more than an id. The capture stores the id alone when it
 * could not read the rest of a row; an event made from that would claim things that nobody knows.
 *
 * @param required columns without which it cannot be told what happened
 * @throws AppError NEMO_MQTT_ERR_CHANGE
 */
export function assertRowChange(change: Change, required: readonly string[]): asserts change is RowChange {
  if (change.operation !== 'INSERT') assertRow(change, 'old', required)
  if (change.operation !== 'DELETE') assertRow(change, 'new', required)
}

/** The id in a column; null for NULL, a missing column, or what is no integer. */
export function idOf(row: Row, column: string): Id | null {
  const value = row[column]
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value)) ? value : null
}

/** The digits of the id in a column, under which it is looked up; null where {@link idOf} has none. */
export function digitsOf(row: Row, column: string): string | null {
  const id = idOf(row, column)
  return id === null ? null : String(id)
}

/**
 * The id in a column that an event cannot do without, because its topic is made of it.
 *
 * @throws AppError NEMO_MQTT_ERR_CHANGE
 */
export function requiredId(change: Change, row: Row, column: string): Id {
  const id = idOf(row, column)
  if (id === null) throw unusable(change, `has no usable ${column}`)
  return id
}

/** The id that these digits write. */
export function toId(digits: string): Id {
  const number = Number(digits)
  return Number.isSafeInteger(number) ? number : BigInt(digits)
}

/** The text in a column, or null. */
export function textOf(row: Row, column: string): string | null {
  const value = row[column]
  return typeof value === 'string' ? value : null
}

/** The boolean in a column, or null. */
export function flagOf(row: Row, column: string): boolean | null {
  const value = row[column]
  return typeof value === 'boolean' ? value : null
}

/** The integer in a column, or null. */
export function integerOf(row: Row, column: string): number | null {
  const value = row[column]
  return typeof value === 'number' && Number.isInteger(value) ? value : null
}

/** The time in a column as {@link toUtc} writes it, or null. */
export function timeOf(row: Row, column: string): string | null {
  return toUtc(row[column])
}

/** Whether a flag went from false to true. A column that is missing on either side did not go anywhere. */
export function wasSet(before: Row, after: Row, column: string): boolean {
  return before[column] === false && after[column] === true
}

/** Whether a column is NULL, or not there. */
export function isNull(row: Row, column: string): boolean {
  return row[column] === null || row[column] === undefined
}

function exactNumber(text: string): number | bigint {
  const number = Number(text)
  return Number.isInteger(number) && !Number.isSafeInteger(number) && !/[.e]/i.test(text) ? BigInt(text) : number
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function assertRow(change: Change, side: 'old' | 'new', required: readonly string[]): void {
  const row = change[side]
  if (row === null) throw unusable(change, `has no ${side} row`)
  if (idOf(row, 'id') === null) throw unusable(change, `has no usable id in its ${side} row`)
  if (hasNothingBut(row, 'id')) throw unusable(change, `was captured with its id (${row.id}) alone`)
  for (const column of required) {
    if (row[column] === undefined) throw unusable(change, `has no column ${column} in its ${side} row`)
  }
}

function hasNothingBut(row: Row, column: string): boolean {
  for (const name in row) if (name !== column) return false
  return true
}

function unusable(change: Change, what: string): AppError {
  return new AppError('NEMO_MQTT_ERR_CHANGE', `change ${change.id} (${change.operation} on ${change.table}) ${what}`)
}
