import { timingSafeEqual } from 'node:crypto'
import { ALGORITHM, signatureOf } from './envelope.ts'

/**
 * What a text from the wire is: `good`, signed with this secret; `bad`, an envelope that must not be believed, and why;
 * `none`, no envelope at all.
 */
export type Verdict =
  | { readonly state: 'good'; readonly payload: string }
  /** The payload is what the envelope claims, for people to look at; undefined when there is none. */
  | { readonly state: 'bad'; readonly why: string; readonly payload: string | undefined }
  | { readonly state: 'none' }

const FIELDS = ['payload', 'hmac', 'algo'] as const

/**
 * Checks a text from the wire. An envelope is exactly what `signEnvelope` makes: three fields, `algo` the very text
 * `sha256`, `hmac` 64 hex digits in lower case (upper case is refused, as every receiver that compares the text would
 * refuse it). Never throws, and takes the same time wherever two signatures differ.
 */
export function verifyEnvelope(text: string, secret: string): Verdict {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return { state: 'none' } // not JSON, so no envelope: an answer, and no fault of the caller
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return { state: 'none' }
  const fields = found as Readonly<Record<string, unknown>>
  // One of our events is no envelope; what has a signature, or claims an algorithm, wants to be one.
  if (!Object.hasOwn(fields, 'hmac') && !Object.hasOwn(fields, 'algo')) return { state: 'none' }
  const payload = typeof fields.payload === 'string' ? fields.payload : undefined
  const why = fault(fields, payload, secret)
  return why === undefined ? { state: 'good', payload: payload ?? '' } : { state: 'bad', why, payload }
}

/** The payload of an envelope that is good, else undefined. Never throws. */
export function openEnvelope(text: string, secret: string): string | undefined {
  const verdict = verifyEnvelope(text, secret)
  return verdict.state === 'good' ? verdict.payload : undefined
}

function fault(
  fields: Readonly<Record<string, unknown>>,
  payload: string | undefined,
  secret: string,
): string | undefined {
  const { hmac, algo } = fields
  const missing = FIELDS.filter((name) => !Object.hasOwn(fields, name))
  if (missing.length > 0) return `the envelope has no ${missing.join(', no ')}`
  if (payload === undefined) return 'payload is not a string'
  if (algo !== ALGORITHM) return `algo is not exactly ${JSON.stringify(ALGORITHM)}`
  if (typeof hmac !== 'string') return 'hmac is not a string'
  if (hmac.length !== 64) return `hmac has ${hmac.length} characters, not 64`
  if (!/^[0-9a-f]{64}$/.test(hmac)) {
    return /^[0-9a-f]{64}$/i.test(hmac) ? 'hmac has upper-case digits' : 'hmac is not hexadecimal'
  }
  if (Object.keys(fields).length !== FIELDS.length) return 'the envelope has further fields'
  if (secret === '') return 'there is no key to check it with'
  if (timingSafeEqual(Buffer.from(hmac, 'hex'), signatureOf(payload, secret))) return undefined
  return 'the signature does not fit: another key, or the payload was changed'
}
