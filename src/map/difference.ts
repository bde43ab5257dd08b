import { isDeepStrictEqual } from 'node:util'
import type { Row } from '../change.ts'
import { toUtc } from './time.ts'

/** Columns whose change makes an event, with how their values are compared. */
export type Watched = Readonly<Record<string, 'value' | 'time'>>

/**
 * The watched columns that differ, in the order in which they are listed.
 *
 * An update is no proof of a change. NEMO's `save()` writes every column; saving an untouched row in its admin pages
 * cuts the microseconds off every time and turns NULL text into '' (seen on 4.7.1, 8.1.5 and NEMO-CE). So times that
 * agree to the second count as equal, and so does NULL beside ''.
 */
export function differing(before: Row, after: Row, watched: Watched): string[] {
  const columns: string[] = []
  for (const column in watched) {
    const old = before[column]
    const now = after[column]
    if (old === now || (isBlank(old) && isBlank(now))) continue
    if (watched[column] === 'time' && agreeToTheSecond(old, now)) continue
    if (typeof old === 'object' && isDeepStrictEqual(old, now)) continue // a jsonb column
    columns.push(column)
  }
  return columns
}

function isBlank(value: unknown): boolean {
  return value === null || value === undefined || value === ''
}

function agreeToTheSecond(one: unknown, other: unknown): boolean {
  const utc = toUtc(one)
  return utc !== null && utc.slice(0, 19) === toUtc(other)?.slice(0, 19)
}
