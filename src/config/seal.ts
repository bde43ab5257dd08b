import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { AppError } from '../errors.ts'

/** A secret as it is stored: encrypted, so that a dump of the database tells nobody. */
export interface Sealed {
  readonly sealed: string
}

const VERSION = 'v1'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Whether a stored value is a sealed one. */
export function isSealed(value: unknown): value is Sealed {
  return typeof (value as Sealed | null)?.sealed === 'string'
}

/**
 * Encrypts a secret with AES-256-GCM under a key that HKDF makes of `configKey`. `place` says where it belongs; it can
 * be opened there only, so that nobody who may write to the table can move it where it would be shown.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is no key
 */
export function seal(secret: string, configKey: string, place: string): Sealed {
  if (configKey === '') {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', 'a secret can be stored only encrypted, and there is no key for that', {
      hint: 'set NEMO_MQTT_CONFIG_KEY (openssl rand -base64 32 makes one), or leave the secret in the environment',
    })
  }
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', keyFrom(configKey), nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(place))
  const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
  return { sealed: `${VERSION}:${Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64')}` }
}

/**
 * Opens a sealed secret.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when the key is missing or another one, or the value was tampered with
 */
export function open({ sealed }: Sealed, configKey: string, place: string): string {
  const [version, encoded = ''] = sealed.split(':')
  const bytes = Buffer.from(encoded, 'base64')
  if (configKey === '') throw unopened('NEMO_MQTT_CONFIG_KEY is not set', 'set the key with which it was stored')
  if (version !== VERSION || bytes.length < NONCE_BYTES + TAG_BYTES) throw unopened('it is not of the known form')
  const decipher = createDecipheriv('aes-256-gcm', keyFrom(configKey), bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(Buffer.from(place))
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
    return text.toString('utf8')
  } catch (cause) {
    throw unopened('NEMO_MQTT_CONFIG_KEY is not the key with which it was stored', undefined, cause)
  }
}

function keyFrom(configKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', configKey, '', 'nemo-mqtt stored secrets', 32))
}

function unopened(why: string, hint = 'store the secret again', cause?: unknown): AppError {
  return new AppError('NEMO_MQTT_ERR_CONFIG', `the stored secret cannot be read: ${why}`, { hint, cause })
}
