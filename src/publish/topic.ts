/** Longest topic in bytes: a UTF-8 string of MQTT has a length of 16 bits (MQTT 5, section 1.5.4). */
const MAX_TOPIC_BYTES = 65_535

/**
 * Why a topic cannot be published, or undefined when it can: a broker answers such topics by closing the connection
 * ([MQTT-3.3.2-2], [MQTT-4.7.3-1], [MQTT-1.5.4-1], [MQTT-1.5.4-2]), so they must not leave the house.
 */
export function topicProblem(topic: string): string | undefined {
  if (topic === '') return 'the topic is empty'
  if (/[+#]/.test(topic)) return 'the topic holds a wildcard (+ or #)'
  if (topic.startsWith('$')) return 'the topic begins with $, which is reserved for the broker'
  if (!topic.isWellFormed()) return 'the topic is not valid Unicode'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(topic)) return 'the topic holds a control character'
  // Allowed by the letter of [MQTT-1.5.4-1], and mosquitto hangs up on them.
  if (/\p{Noncharacter_Code_Point}/u.test(topic)) return 'the topic holds a code that is no character (U+FFFF, ...)'
  if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES) return `the topic is longer than ${MAX_TOPIC_BYTES} bytes`
  return undefined
}

/** Bytes of a PUBLISH packet at QoS 1 (MQTT 5, section 3.3), of which properties take so many. */
export function packetBytes(topic: string, message: string, properties = 0): number {
  const remaining = 2 + Buffer.byteLength(topic) + 2 + 1 + properties + Buffer.byteLength(message)
  return 1 + (remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4) + remaining
}
