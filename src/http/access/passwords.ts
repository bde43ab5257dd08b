import { createHash } from 'node:crypto'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { HASHED_PASSWORD } from '../../config/checks.ts'
import type { Settings } from '../../config/settings.ts'
import { hashPassword, isRight } from './password.ts'
import type { Role } from './visitor.ts'

/** Wrong passwords from one address before it must wait, and for how long it then must, in seconds. */
const TRIES = 5
const WAIT_S = 60
/** Passwords that are looked at in the same moment: each one takes 32 MB. */
const MOST_AT_ONCE = 2
/** A longer one is nobody's, and is not looked at. */
const LONGEST = 1_000

/** Passwords or tokens by role, and the guard against guessing them. */
export class Passwords {
  readonly #settings: Settings
  readonly #failures = new RateLimiterMemory({ points: TRIES, duration: WAIT_S })
  /** What was found right, so that a token in each request costs nothing; two at most. */
  readonly #known = new Map<string, Role>()
  #hashes: Promise<ReadonlyArray<readonly [Role, string]>> | undefined
  #atWork = 0

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** Whether there are any. */
  get areSet(): boolean {
    return `${this.#settings.http_admin_password}${this.#settings.http_viewer_password}` !== ''
  }

  /**
   * The role of whoever knows this password; undefined when it is wrong.
   *
   * @param from address of who asks: after a few wrong ones it must wait
   * @throws TooMany
   */
  async roleOf(password: string, from: string): Promise<Role | undefined> {
    const fingerprint = createHash('sha256').update(password).digest('base64')
    const known = this.#known.get(fingerprint)
    if (known !== undefined) return known
    const failures = await this.#failures.get(from)
    if (failures !== null && failures.consumedPoints >= TRIES) throw new TooMany(failures.msBeforeNext / 1_000)
    if (this.#atWork >= MOST_AT_ONCE) throw new TooMany(1)
    await this.#failures.penalty(from) // before the work: many at once count too
    const role = password.length > LONGEST ? undefined : await this.#find(password)
    if (role === undefined) return undefined
    await this.#failures.delete(from)
    this.#known.set(fingerprint, role)
    return role
  }

  async #find(password: string): Promise<Role | undefined> {
    this.#atWork += 1
    try {
      this.#hashes ??= this.#hash()
      for (const [role, hash] of await this.#hashes) if (await isRight(password, hash)) return role
      return undefined
    } finally {
      this.#atWork -= 1
    }
  }

  async #hash(): Promise<ReadonlyArray<readonly [Role, string]>> {
    const { http_admin_password, http_viewer_password } = this.#settings
    const set = (
      [
        ['admin', http_admin_password],
        ['viewer', http_viewer_password],
      ] as const
    ).filter(([, one]) => one !== '')
    return await Promise.all(
      set.map(async ([role, one]) => [role, HASHED_PASSWORD.test(one) ? one : await hashPassword(one)] as const),
    )
  }
}

/** Thrown when somebody has to wait before the next password is looked at. */
export class TooMany extends Error {
  readonly seconds: number

  constructor(seconds: number) {
    super('too many attempts')
    this.seconds = Math.max(1, Math.ceil(seconds))
  }
}
