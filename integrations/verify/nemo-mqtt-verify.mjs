// Opens signed messages of nemo-mqtt. Node.js 18 or newer, no dependencies.
//
//   import { openEnvelope } from './nemo-mqtt-verify.mjs'
//   client.on('message', (topic, message) => {
//     const event = JSON.parse(openEnvelope(message, SECRET))   // throws when the message must not be believed
//   })

import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * The payload, a text, of a message that was signed with this secret.
 *
 * The signature covers the payload as it stands in the envelope: verify first, parse afterwards, and never write the
 * payload anew to check it.
 *
 * @param {string | Uint8Array} message
 * @param {string} secret
 * @returns {string}
 * @throws {Error} when the message must not be believed; the text says why
 */
export function openEnvelope(message, secret) {
  let envelope
  try {
    envelope = JSON.parse(
      typeof message === 'string' ? message : new TextDecoder('utf-8', { fatal: true }).decode(message),
    )
  } catch {
    throw new Error('not JSON')
  }
  const names = typeof envelope === 'object' && envelope !== null ? Object.keys(envelope).sort().join() : ''
  if (names !== 'algo,hmac,payload') throw new Error('not an envelope of payload, hmac and algo')
  const { payload, hmac, algo } = envelope
  if (algo !== 'sha256') throw new Error('algo is not sha256') // the message never chooses the algorithm
  if (typeof payload !== 'string' || typeof hmac !== 'string' || !/^[0-9a-f]{64}$/.test(hmac)) {
    throw new Error('payload or hmac is malformed')
  }
  const expected = createHmac('sha256', secret).update(payload, 'utf8').digest()
  if (!timingSafeEqual(expected, Buffer.from(hmac, 'hex'))) throw new Error('the signature does not fit')
  return payload
}
