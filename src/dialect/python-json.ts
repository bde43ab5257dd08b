/** A value as the messages of the Python plugin hold it. */
export type PythonValue = string | number | bigint | boolean | null

/**
 * An object as Python's `json.dumps` writes it by default: a space after comma and colon, and everything beyond ASCII as
 * `\uXXXX`. Some displays compare texts, and a signature covers the text.
 */
export function pythonJson(fields: Readonly<Record<string, PythonValue>>): string {
  const pairs = Object.entries(fields).map(([key, value]) => `${pythonText(key)}: ${pythonValue(value)}`)
  return `{${pairs.join(', ')}}`
}

/** A text as Python's `json.dumps` writes it. Half a surrogate pair, which no subscriber can read, becomes U+FFFD. */
export function pythonText(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function pythonValue(value: PythonValue): string {
  return typeof value === 'string' ? pythonText(value) : String(value)
}
