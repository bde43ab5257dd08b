/**
 * The prefix as it is used, or why it cannot be: spaces and slashes around it are dropped; wildcards, empty levels,
 * control characters and a leading `$` are refused, because a topic made with them breaks the connection or reaches
 * nobody ([MQTT-3.3.2-2], [MQTT-4.7.3-1], section 4.7.2).
 */
export function cleanTopicPrefix(given: string): { prefix: string } | { problem: string } {
  const prefix = given.replace(/^[\s/]+|[\s/]+$/g, '')
  if (prefix === '') return { problem: 'is empty: give at least one level, such as nemo' }
  if (/[+#]/.test(prefix)) return { problem: 'holds a wildcard (+ or #), which a topic cannot have' }
  if (prefix.startsWith('$')) return { problem: 'begins with $, which is reserved for the broker itself' }
  if (prefix.includes('//')) return { problem: 'holds an empty level (//): nobody would subscribe to it' }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f\ud800-\udfff]/u.test(prefix)) return { problem: 'holds a control character' }
  if (/\p{Noncharacter_Code_Point}/u.test(prefix)) return { problem: 'holds a code that is no character (U+FFFF, ...)' }
  if (Buffer.byteLength(prefix) > 1000) return { problem: 'is longer than 1,000 bytes' }
  return { prefix }
}
