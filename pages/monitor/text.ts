/**
 * Characters that cannot be seen, or that change how others are shown: control characters, and those that turn the
 * direction of writing or take no room (Unicode, general categories Cc and Cf).
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

/** A text in which every character can be seen, on one line. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, escaped)
}

/** The same, with line ends and tabs as they are. */
export function visibleLines(text: string): string {
  return text.replace(INVISIBLE, (character) =>
    character === '\n' || character === '\t' ? character : escaped(character),
  )
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  const short = SHORT[character]
  if (short !== undefined) return short
  const code = character.codePointAt(0) ?? 0
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`
}

/** The time of day, to the millisecond, as this browser's clock has it. */
export function timeOfDay(at: number | null): string {
  if (at === null) return '–'
  const time = new Date(at)
  const two = (number: number): string => String(number).padStart(2, '0')
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`
}

/** Date and time of day with the offset of the zone. */
export function wholeTime(at: number | null): string {
  if (at === null) return 'not known'
  const minutes = -new Date(at).getTimezoneOffset()
  const zone = `${minutes < 0 ? '-' : '+'}${String(Math.floor(Math.abs(minutes) / 60)).padStart(2, '0')}:${String(Math.abs(minutes) % 60).padStart(2, '0')}`
  return `${new Date(at + minutes * 60_000).toISOString().slice(0, 10)} ${timeOfDay(at)} (UTC${zone})`
}

/** How long something takes, short: `0.4 ms`, `12 ms`, `3.2 s`, `5 min`. */
export function duration(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  return `${Math.round(ms / 360_000) / 10} h`
}

/** A number with its thousands told apart. */
export function grouped(number: number): string {
  return number.toLocaleString('en')
}
