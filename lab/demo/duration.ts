/**
 * Reads `20s`, `500ms`, `2m`, `1h` or a bare number of seconds.
 *
 * @returns milliseconds
 * @throws RangeError for anything else
 */
export function parseDuration(text: string): number {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim()) ?? []
  const factor = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit]
  if (digits === undefined || factor === undefined || Number(digits) === 0) {
    throw new RangeError(`"${text}" is not a duration: write it like 20s, 500ms, 2m or 1h`)
  }
  return Number(digits) * factor
}
