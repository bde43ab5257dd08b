import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { HASHED_PASSWORD } from '../../config/checks.ts'

/** Cost of one look at a password: 32 MB and some 60 ms, so that guessing is slow. RFC 7914, section 2. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 }
const SALT_BYTES = 16
const KEY_BYTES = 32

/** A password as it can stand in the environment without being one: `scrypt:`, salt and hash in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt)
  return `scrypt:${salt.toString('base64url')}:${hash.toString('base64url')}`
}

/** Whether a password is the right one; takes the same time wherever the two differ. */
export async function isRight(given: string, hashed: string): Promise<boolean> {
  const [, salt = '', hash = ''] = HASHED_PASSWORD.exec(hashed) ?? []
  if (salt === '') throw new Error('not a hashed password')
  return timingSafeEqual(await derive(given, Buffer.from(salt, 'base64url')), Buffer.from(hash, 'base64url'))
}

/** A key made from a secret, as slow to guess as a password. */
export async function derive(secret: string, salt: Buffer | string): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    scrypt(secret, salt, KEY_BYTES, COST, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}
