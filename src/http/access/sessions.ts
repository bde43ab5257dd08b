import { randomBytes } from 'node:crypto'
import type { Context } from 'hono'
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie'
import type { Settings } from '../../config/settings.ts'
import { derive } from './password.ts'
import type { Role } from './visitor.ts'

const COOKIE = 'nemo_mqtt_session'
/** A session that was not used for so long is over, in seconds: a wall display may stand still over the holidays. */
const LASTS_S = 30 * 86_400
/** Used again after so long, it is prolonged, in seconds. */
const PROLONG_S = 86_400
/** Sessions that were ended and whose time is not over; the oldest are forgotten beyond this. */
const MOST_ENDED = 10_000

/** Where a session's cookie is valid. */
export interface Scope {
  readonly path: string
  readonly isSecure: boolean
}

/**
 * Sessions of browsers: a signed cookie that says who it is and until when, so that a new start of the service logs
 * nobody out. The key comes from the passwords: a changed password ends all of them.
 */
export class Sessions {
  readonly #settings: Settings
  readonly #now: () => number
  readonly #ended = new Set<string>()
  #key: Promise<string> | undefined

  /** @param now seconds since 1970 */
  constructor(settings: Settings, now: () => number = () => Date.now() / 1_000) {
    this.#settings = settings
    this.#now = now
  }

  /** Begins one. */
  async begin(context: Context, role: Role, scope: Scope): Promise<void> {
    await this.#write(context, randomBytes(12).toString('base64url'), role, scope)
  }

  /** The role of the one that a request belongs to; undefined when there is none, or it is over. Prolongs it. */
  async roleOf(context: Context, scope: Scope): Promise<Role | undefined> {
    const session = await this.#read(context)
    if (session === undefined) return undefined
    if (session.until - this.#now() < LASTS_S - PROLONG_S) await this.#write(context, session.id, session.role, scope)
    return session.role
  }

  /** Ends it, here and for whoever has a copy of the cookie. */
  async end(context: Context, { path }: Scope): Promise<void> {
    const session = await this.#read(context)
    if (session !== undefined) this.#ended.add(session.id)
    for (const oldest of this.#ended) {
      if (this.#ended.size <= MOST_ENDED) break
      this.#ended.delete(oldest)
    }
    deleteCookie(context, COOKIE, { path })
  }

  async #write(context: Context, id: string, role: Role, { path, isSecure }: Scope): Promise<void> {
    const until = Math.round(this.#now() + LASTS_S)
    await setSignedCookie(context, COOKIE, `${id}.${role}.${until}`, await this.#signingKey(), {
      path,
      secure: isSecure,
      httpOnly: true,
      sameSite: 'Strict',
      maxAge: LASTS_S,
    })
  }

  async #read(context: Context): Promise<{ id: string; role: Role; until: number } | undefined> {
    if (!(context.req.header('cookie') ?? '').includes(`${COOKIE}=`)) return undefined // a key costs 60 ms, once
    const value = await getSignedCookie(context, await this.#signingKey(), COOKIE)
    const [, id = '', role, until] = /^([\w-]{16})\.(viewer|admin)\.(\d+)$/.exec(value || '') ?? []
    if (id === '' || this.#ended.has(id) || Number(until) < this.#now()) return undefined
    return { id, role: role as Role, until: Number(until) }
  }

  #signingKey(): Promise<string> {
    const { http_admin_password, http_viewer_password } = this.#settings
    this.#key ??= derive(JSON.stringify([http_admin_password, http_viewer_password]), 'nemo-mqtt session').then((key) =>
      key.toString('base64'),
    )
    return this.#key
  }
}
