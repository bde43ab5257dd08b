import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context, MiddlewareHandler } from 'hono'
import { isLoopback, listed } from '../../config/checks.ts'
import type { Settings } from '../../config/settings.ts'
import { loginPage } from './login-page.ts'
import { Origins } from './origin.ts'
import { Passwords, TooMany } from './passwords.ts'
import { type Scope, Sessions } from './sessions.ts'
import type { Visitor, Web } from './visitor.ts'

/** The only paths that need no visitor: whether the process lives and is ready, and the door itself. */
const OPEN = new Set(['/livez', '/readyz', '/mqtt/login'])
/** Methods that change nothing. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Who may do what, for every path at once: nobody gets in who is not a visitor, and only an admin of one of our own
 * pages changes something. What a route wants to allow beyond that does not exist.
 *
 * - Without any password, and only on the loopback address, whoever is on this machine may look.
 * - A session or a token (`Authorization: Bearer`) has the role of its password.
 * - A trusted proxy may name the user.
 */
export class Access {
  readonly #settings: Settings
  readonly #passwords: Passwords
  readonly #sessions: Sessions
  readonly origins: Origins
  readonly #admins: ReadonlySet<string>
  readonly #isOpenToMachine: boolean

  constructor(settings: Settings) {
    this.#settings = settings
    this.#passwords = new Passwords(settings)
    this.#sessions = new Sessions(settings)
    this.origins = new Origins(settings)
    this.#admins = new Set(listed(settings.http_admins))
    const { http_host, http_viewer_password, http_user_header } = settings
    this.#isOpenToMachine = isLoopback(http_host) && http_viewer_password === '' && http_user_header === ''
  }

  /** Lets in or turns away, before any route. */
  guard(): MiddlewareHandler<Web> {
    return async (context, next) => {
      const { origins } = this
      const path = context.req.path
      if (path === '/livez' || path === '/readyz') return await next() // asked by address, by whoever watches the machine
      if (!origins.isOurs(context.req.header('host'))) return context.text(STRANGE_HOST, 403)
      const isChange = !SAFE.has(context.req.method)
      const visitor = await this.#visitor(context)
      if (visitor instanceof Response) return visitor
      if (isChange && visitor?.by !== 'token' && !origins.isFromOurPages(context))
        return context.text(STRANGE_ORIGIN, 403)
      if (OPEN.has(path)) return await next()
      if (visitor === undefined) return this.#turnAway(context)
      if (isChange && visitor.role !== 'admin' && path !== '/mqtt/logout') return context.text(VIEWER, 403)
      context.set('visitor', visitor)
      return await next()
    }
  }

  /** Whether there is a password to log in with. */
  get hasPasswords(): boolean {
    return this.#passwords.areSet
  }

  /** A form was sent: begins a session, or says why not. */
  async login(context: Context<Web>): Promise<Response> {
    const form = await context.req.parseBody()
    const password = typeof form.password === 'string' ? form.password : ''
    const next = typeof form.next === 'string' ? form.next : ''
    try {
      const role = await this.#passwords.roleOf(password, this.#clientOf(context))
      if (role === undefined) return await loginPage(context, this.origins.prefix, 'This password is wrong.', 401, next)
      await this.#sessions.begin(context, role, this.#scope(context))
      return context.redirect(`${this.origins.prefix}${ownPath(next)}`, 303)
    } catch (error) {
      if (error instanceof TooMany) return tooMany(context, error, this.origins.prefix, next)
      throw error
    }
  }

  /** Ends the session. */
  async logout(context: Context<Web>): Promise<Response> {
    await this.#sessions.end(context, this.#scope(context))
    return context.redirect(`${this.origins.prefix}/mqtt/monitor/`, 303)
  }

  async #visitor(context: Context<Web>): Promise<Visitor | Response | undefined> {
    const token = /^Bearer (.+)$/.exec(context.req.header('authorization') ?? '')?.[1]
    if (token !== undefined) return await this.#byToken(context, token)
    const role = this.#passwords.areSet ? await this.#sessions.roleOf(context, this.#scope(context)) : undefined
    if (role !== undefined) return { role, name: role, by: 'session' }
    const address = addressOf(context)
    const { http_user_header: header } = this.#settings
    if (header !== '' && this.origins.isTrusted(address)) {
      const name = context.req.header(header)
      if (name) return { role: this.#admins.has(name) ? 'admin' : 'viewer', name, by: 'proxy' }
    }
    if (this.#isOpenToMachine && !this.origins.isProxied(context, address) && !this.origins.isTrusted(address)) {
      return { role: 'viewer', name: 'this machine', by: 'machine' }
    }
    return undefined
  }

  async #byToken(context: Context, token: string): Promise<Visitor | Response | undefined> {
    try {
      const role = await this.#passwords.roleOf(token, this.#clientOf(context))
      return role === undefined ? undefined : { role, name: `${role} token`, by: 'token' }
    } catch (error) {
      if (error instanceof TooMany) return tooMany(context, error, this.origins.prefix, '')
      throw error
    }
  }

  #clientOf(context: Context): string {
    return this.origins.clientOf(context, addressOf(context))
  }

  #scope(context: Context): Scope {
    return { path: `${this.origins.prefix}/`, isSecure: this.origins.isSecure(context) }
  }

  #turnAway(context: Context<Web>): Response | Promise<Response> {
    const { path } = context.req
    const wantsPage = (context.req.header('accept') ?? '').includes('text/html')
    if (!this.#passwords.areSet) return context.text(NO_PASSWORD, 403)
    if (wantsPage) return loginPage(context, this.origins.prefix, '', 401, path)
    return context.text('log in, or send Authorization: Bearer with a password of this service\n', 401, {
      'www-authenticate': 'Bearer',
    })
  }
}

const STRANGE_HOST =
  'this service is called by a name that it does not know; set NEMO_MQTT_HTTP_PUBLIC_URL to what browsers show\n'
const STRANGE_ORIGIN = 'a change must come from a page of this service (Origin), or carry a token\n'
const VIEWER = 'you may look, and change nothing: log in with the password of NEMO_MQTT_HTTP_ADMIN_PASSWORD\n'
const NO_PASSWORD =
  'this request came through a proxy: set NEMO_MQTT_HTTP_VIEWER_PASSWORD, or NEMO_MQTT_HTTP_TRUSTED_PROXIES with NEMO_MQTT_HTTP_USER_HEADER\n'

function addressOf(context: Context): string {
  const address = getConnInfo(context).remote.address ?? ''
  return address.replace(/^::ffff:(?=\d+\.)/, '') // an IPv4 address on a socket that takes both
}

function tooMany(context: Context, { seconds }: TooMany, prefix: string, next: string): Response | Promise<Response> {
  context.header('retry-after', String(seconds))
  return loginPage(context, prefix, `Too many wrong passwords: wait ${seconds} s.`, 429, next)
}

/** A path of ours to go to after the login; never another site's. */
function ownPath(path: string): string {
  return /^\/(mqtt|customization\/mqtt)\/[\w/-]*$/.test(path) ? path : '/mqtt/monitor/'
}
