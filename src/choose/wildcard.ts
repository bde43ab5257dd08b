/**
 * Whether a text fits a pattern in which `*` stands for any number of characters; capitals do not count. Without a
 * regular expression, because one with many wildcards can take for ever on a long name.
 */
export function fits(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.toLowerCase().split('*')
  const whole = text.toLowerCase()
  const last = rest.pop()
  if (last === undefined) return whole === first
  if (!whole.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = whole.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return whole.length - last.length >= at && whole.endsWith(last)
}
