import { createHmac } from 'node:crypto'

/** The only algorithm there is; what a message claims in `algo` is compared with it, never used to choose one. */
export const ALGORITHM = 'sha256'

/**
 * Wraps a payload in the signed envelope `{"payload": "<string>", "hmac": "<lower-case hex>", "algo": "sha256"}`. The
 * signature is HMAC-SHA256 over the UTF-8 of the payload string, so a receiver decodes the envelope once and signs
 * exactly the string it finds: nothing is serialised again, in any language.
 *
 * @param secret the shared key; its UTF-8 is the key of the HMAC
 * @param write makes JSON of the three fields
 * @throws RangeError when the secret is empty: an empty key signs nothing
 */
export function signEnvelope(
  payload: string,
  secret: string,
  write: (fields: Readonly<Record<string, string>>) => string = JSON.stringify,
): string {
  if (secret === '') throw new RangeError('the HMAC secret is empty')
  // A lone surrogate has no UTF-8: it would be signed as U+FFFD and sent as an escape that decodes to something else.
  const text = payload.toWellFormed()
  return write({ payload: text, hmac: signatureOf(text, secret).toString('hex'), algo: ALGORITHM })
}

/** The bytes of the signature of a payload. The secret must not be empty. */
export function signatureOf(payload: string, secret: string): Buffer {
  return createHmac(ALGORITHM, secret).update(payload, 'utf8').digest()
}
