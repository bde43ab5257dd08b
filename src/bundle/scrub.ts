import { redact } from '../log.ts'

/** Topics of ours hold ids and nothing else; what other programs push may hold anything. */
const OWN_TOPIC = /^(?:[^/]+\/)*(?:(?:tools|areas|reservations|area_access)\/\d+(?:\/[a-z]+)?|bridge\/[a-z/]+)$/

/** A topic if it is one of ours. */
export function cleanTopic(topic: string | null): string | null {
  return topic === null || OWN_TOPIC.test(topic) ? topic : '(of another program)'
}

/**
 * A text without what it quotes: errors about unreadable data repeat some of it. Without secrets, URLs with passwords
 * and mail addresses either.
 */
export function cleanText(text: string, secrets: readonly string[]): string {
  return redact(text, secrets)
    .replace(/"((?:NEMO_|nemo_mqtt)[\w.]*)"/g, '$1') // names of tables are no secret
    .replace(/(["'`“]).*["'`”]/gs, '"…"')
    .replace(/[^\s@<>()]+@[^\s@<>()]+\.[^\s@<>()]+/g, '(mail)')
}

/** Whatever is in a value: numbers and flags stay, each text is cleaned. */
export function cleanValue(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return cleanText(value, secrets)
  if (Array.isArray(value)) return value.map((one) => cleanValue(one, secrets))
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      if (key === 'topic' && typeof one === 'string') return [key, cleanTopic(one)]
      return [key, cleanValue(one, secrets)]
    }),
  )
}
