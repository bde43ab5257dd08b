import type { Row } from './rows.ts'

const COLUMNS = [
  'time',
  'source',
  'topic',
  'event',
  'event_id',
  'change',
  'signature',
  'attempts',
  'puback',
  'retain',
  'bytes',
  'why',
  'payload',
] as const

/** The rows, one JSON object a line. */
export function toNdjson(rows: readonly Row[]): string {
  return rows.map((row) => `${JSON.stringify(fieldsOf(row))}\n`).join('')
}

/** The rows as CSV (RFC 4180), for spreadsheets: no cell is taken for a formula. */
export function toCsv(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const fields = fieldsOf(row)
    return COLUMNS.map((name) => cell(fields[name])).join(',')
  })
  return [COLUMNS.join(','), ...lines, ''].join('\r\n')
}

/** Lets the visitor save a text as a file. */
export function save(text: string, type: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}

function fieldsOf({
  message,
}: Row): Record<(typeof COLUMNS)[number], string | number | boolean | null> & { cut?: true } {
  const { at, kind, topic, event, eventId, change, signature, attempts, reasonCode, retain, bytes, why, row } = message
  const isCut = message.payload !== null && message.payload.length < message.characters
  return {
    time: at === null ? null : new Date(at).toISOString(),
    source: kind,
    topic: topic ?? row,
    event,
    event_id: eventId,
    change,
    signature,
    attempts,
    puback: reasonCode === null ? null : `0x${reasonCode.toString(16).padStart(2, '0')}`,
    retain,
    bytes,
    why,
    payload: message.payload,
    ...(isCut ? { cut: true as const } : {}),
  }
}

// A spreadsheet runs what begins like a formula (OWASP, CSV injection); an apostrophe makes it a text.
function cell(value: string | number | boolean | null): string {
  if (value === null) return ''
  if (typeof value !== 'string') return String(value)
  const defused = /^[\s]*[=+\-@]|^[\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(defused) || defused !== value ? `"${defused.replaceAll('"', '""')}"` : defused
}
