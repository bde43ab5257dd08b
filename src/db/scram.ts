import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { AppError } from '../errors.ts'

/**
 * What PostgreSQL keeps instead of a password: given this in `create role`, it never sees the password itself, and so
 * neither does its log.
 *
 * @see https://www.postgresql.org/docs/current/catalog-pg-authid.html
 * @throws AppError NEMO_MQTT_ERR_CONFIG for a password whose form depends on who normalises it (RFC 4013)
 */
export function scramVerifier(password: string): string {
  if (!/^[\x20-\x7e]+$/.test(password)) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', 'the password of the service role has characters beyond plain ASCII', {
      hint: 'choose one of letters, digits and punctuation, for example: openssl rand -hex 24',
    })
  }
  const iterations = 4096
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const key = (name: string) => createHmac('sha256', salted).update(name).digest()
  const storedKey = createHash('sha256').update(key('Client Key')).digest('base64')
  const serverKey = key('Server Key').toString('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}
