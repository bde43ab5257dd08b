const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const SECONDS = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' })
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: 'short' })
const DATE = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const DAY_MS = 86_400_000

/** `14:02` today, `Tue 14:02` within six days, `3 Mar 14:02` beyond; `?` for a time that has no end. */
export function timeOf(time: string | null, now: number): string {
  if (time === null) return '?'
  const at = new Date(time)
  const daysAway = Math.abs(startOfDay(at.getTime()) - startOfDay(now)) / DAY_MS
  if (daysAway < 0.5) return TIME.format(at)
  return `${(daysAway < 6.5 ? WEEKDAY : DATE).format(at)} ${TIME.format(at)}`
}

/** Until when or between when: `14:02–15:00`, with the day where it is not today. */
export function spanOf(start: string | null, end: string | null, now: number): string {
  const isSameDay = start !== null && end !== null && startOfDay(Date.parse(start)) === startOfDay(Date.parse(end))
  return `${timeOf(start, now)}–${isSameDay ? TIME.format(new Date(end)) : timeOf(end, now)}`
}

/** A time of this browser's clock, to the second. */
export function secondOf(time: number): string {
  return SECONDS.format(time)
}

/** `0 min`, `1 h 12 min`, `3 d 4 h`: from a time until now. */
export function lengthOf(since: string | null, now: number): string {
  const minutes = since === null ? Number.NaN : Math.max(0, Math.floor((now - Date.parse(since)) / 60_000))
  if (Number.isNaN(minutes)) return '?'
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0)
}
