import { type BlockList, isIP } from 'node:net'
import { hostname } from 'node:os'
import type { Context } from 'hono'
import { isLoopback, networksOf } from '../../config/checks.ts'
import type { Settings } from '../../config/settings.ts'

/** Headers that a proxy adds: with one of them the request does not come from this machine, whatever the socket says. */
const OF_PROXIES = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'] as const

/** Where a request comes from, and under which name we were called. */
export class Origins {
  readonly #settings: Settings
  readonly #proxies: BlockList
  readonly #publicHost: string | undefined
  /** What browsers have in front of our paths; empty or `/path`. */
  readonly prefix: string
  readonly #isPublicSecure: boolean

  constructor(settings: Settings) {
    this.#settings = settings
    this.#proxies = networksOf(settings.http_trusted_proxies)
    const url = settings.http_public_url === '' ? undefined : new URL(settings.http_public_url)
    this.#publicHost = url?.host
    this.prefix = url?.pathname.replace(/\/+$/, '') ?? ''
    this.#isPublicSecure = url?.protocol === 'https:'
  }

  /** Whether the address is that of a proxy that is believed. */
  isTrusted(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#proxies.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }

  /** Address of who asks: what the nearest trusted proxy says, else that of the socket. */
  clientOf(context: Context, socketAddress: string): string {
    if (!this.isTrusted(socketAddress)) return socketAddress
    // From the right: what stands further left was written by whoever the last trusted proxy heard it from.
    const hops = (context.req.header('x-forwarded-for') ?? '').split(',').map((hop) => hop.trim())
    return hops.reverse().find((hop) => isIP(hop) !== 0 && !this.isTrusted(hop)) ?? socketAddress
  }

  /** Whether the request came through a proxy that is not believed. */
  isProxied(context: Context, socketAddress: string): boolean {
    return !this.isTrusted(socketAddress) && OF_PROXIES.some((header) => context.req.header(header) !== undefined)
  }

  /**
   * Whether we are called by a name that is ours. A page of a stranger whose name suddenly points here (DNS rebinding)
   * calls us by his.
   */
  isOurs(host: string | undefined): boolean {
    if (host === undefined || !URL.canParse(`http://${host}`)) return false
    const name = new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '')
    if (host === this.#publicHost || isLoopback(name)) return true
    if (isLoopback(this.#settings.http_host)) return false
    return isIP(name) !== 0 || name === hostname().toLowerCase() || name.startsWith(`${hostname().toLowerCase()}.`)
  }

  /** Whether a request that changes something was made by one of our own pages. */
  isFromOurPages(context: Context): boolean {
    const site = context.req.header('sec-fetch-site')
    if (site !== undefined && site !== 'same-origin') return false
    const origin = context.req.header('origin')
    if (origin === undefined || !URL.canParse(origin)) return false
    const { host, protocol } = new URL(origin)
    if (host === this.#publicHost) return (protocol === 'https:') === this.#isPublicSecure
    return host === context.req.header('host') && protocol === 'http:'
  }

  /** Whether browsers reach us with TLS, so that a cookie may demand it. */
  isSecure(context: Context): boolean {
    return this.#isPublicSecure && context.req.header('host') === this.#publicHost
  }
}
