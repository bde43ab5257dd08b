/** Longest level that is made of a name, in bytes: one name must not fill a topic. */
export const LEVEL_BYTES = 255

// Wildcards and the separator of levels ([MQTT-4.7.1-1], [MQTT-4.7.3-1]), control characters with NUL, half surrogate pairs
// and codes that are no characters ([MQTT-1.5.4-1], [MQTT-1.5.4-2]); and what breaks lines in the output of a subscriber.
const UNSAFE = /[+#/\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu

const CHARACTERS = new Intl.Segmenter('und', { granularity: 'grapheme' })

/**
 * One level of a topic made of a name that people wrote, or the other text when nothing is left of it. What a topic must
 * not hold becomes `_`; space around it and a leading `$` go; a long one is cut between two characters. The same letter is
 * the same bytes, however it was typed (NFC), because a subscriber has to write it too.
 */
export function safeLevel(name: string | null, otherwise: string): string {
  const clean = (name ?? '')
    .normalize('NFC')
    .trim()
    .replace(UNSAFE, '_')
    .replace(/^[$\s]+/, '')
  const level = cut(clean).trim()
  return level === '' ? otherwise : level
}

function cut(text: string): string {
  if (bytesOf(text) <= LEVEL_BYTES) return text
  let [kept, room] = ['', LEVEL_BYTES]
  for (const { segment } of CHARACTERS.segment(text)) {
    room -= bytesOf(segment)
    if (room < 0) break
    kept += segment
  }
  return kept
}

/** Bytes of a text in UTF-8. */
export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length
}
