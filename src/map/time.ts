/**
 * Times stay text all the way from PostgreSQL to the broker: `Date` knows milliseconds where PostgreSQL knows
 * microseconds, and the jsonb text of a timestamptz has the offset of whatever session wrote the row.
 */

// A year beyond 9999 has more digits, one before Christ has a suffix, and `infinity` has no digits: none matches.
const STAMP =
  /^(\d{4}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(\.\d{1,6})?(?:Z|([+-])(\d\d)(?::(\d\d)(?::(\d\d))?)?)$/

const NO_FRACTION = /^\.0+$/
const FIRST_SECOND = Date.parse('0001-01-01T00:00:00Z') / 1000
const LAST_SECOND = Date.parse('9999-12-31T23:59:59Z') / 1000

/** A point in time: whole seconds since 1970 and the microseconds after them. */
export interface Instant {
  readonly seconds: number
  readonly micros: number
}

/**
 * The RFC 3339 time in UTC of a timestamptz as jsonb writes it, to the microsecond. NULL, `infinity`, and what RFC 3339
 * cannot write (before Christ, beyond 9999) have no time: they are published as null.
 *
 * @see https://www.postgresql.org/docs/current/datatype-datetime.html on special values and on offsets with seconds
 */
export function toUtc(text: unknown): string | null {
  if (typeof text !== 'string') return null
  const parts = STAMP.exec(text)
  const wall = parts?.[1]
  if (parts === null || wall === undefined) return null
  const fraction = parts[2] === undefined || NO_FRACTION.test(parts[2]) ? '' : parts[2]
  const offset = offsetSeconds(parts)
  if (offset === 0) return wall.startsWith('0000') ? null : `${wall}${fraction}Z`
  const seconds = Date.parse(`${wall}Z`) / 1000 - offset
  if (!(seconds >= FIRST_SECOND && seconds <= LAST_SECOND)) return null
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction}Z`
}

/** The instant of such a time, or null where {@link toUtc} has none. */
export function toInstant(text: unknown): Instant | null {
  const utc = toUtc(text)
  if (utc === null) return null
  return {
    seconds: Date.parse(`${utc.slice(0, 19)}Z`) / 1000,
    micros: Number(utc.slice(20, -1).padEnd(6, '0')),
  }
}

/** Whole seconds from one time to another, rounded down; null when either has no end or no beginning. */
export function secondsBetween(start: unknown, end: unknown): number | null {
  const from = toInstant(start)
  const to = toInstant(end)
  if (from === null || to === null) return null
  return to.seconds - from.seconds - (to.micros < from.micros ? 1 : 0)
}

/** Start and end of a reservation, as jsonb writes them. */
export interface Span {
  readonly start: unknown
  readonly end: unknown
}

/** Whether start and end differ by the same amount, to the microsecond; null when one of the four has no time. */
export function isShifted(from: Span, to: Span): boolean | null {
  const start = toInstant(from.start)
  const end = toInstant(from.end)
  const newStart = toInstant(to.start)
  const newEnd = toInstant(to.end)
  if (start === null || end === null || newStart === null || newEnd === null) return null
  // Seconds first: microseconds since 1970 would exceed 2^53 in the year 2255.
  const seconds = newStart.seconds - start.seconds - (newEnd.seconds - end.seconds)
  const micros = newStart.micros - start.micros - (newEnd.micros - end.micros)
  return seconds * 1_000_000 + micros === 0
}

function offsetSeconds(parts: RegExpExecArray): number {
  const [, , , sign, hours, minutes = '0', seconds = '0'] = parts
  if (hours === undefined) return 0
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
  return sign === '-' ? -size : size
}
