import { createHmac } from 'node:crypto'

/** What a receiver finds on opening a signed message. */
export interface Opened {
  payload: string
  /** Why the message is not to be trusted; undefined when it is. */
  fault: string | undefined
}

/**
 * Opens the envelope `{"payload", "hmac", "algo"}` as a receiver would who knows nothing but its description. On purpose
 * it shares no code with the sender: two ends of one mistake would agree with each other.
 */
export function openSigned(text: string, secret: string): Opened {
  let envelope: { payload?: unknown; hmac?: unknown; algo?: unknown } | null
  try {
    envelope = JSON.parse(text)
  } catch {
    return { payload: text, fault: 'not JSON' }
  }
  const { payload, hmac, algo } = envelope ?? {}
  if (typeof payload !== 'string') return { payload: text, fault: 'not an envelope' }
  if (algo !== 'sha256') return { payload, fault: `algo is ${JSON.stringify(algo)}` }
  const expected = createHmac('sha256', secret).update(payload, 'utf8').digest('hex')
  return { payload, fault: hmac === expected ? undefined : 'the signature does not match' }
}
