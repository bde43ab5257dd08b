import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { secureHeaders } from 'hono/secure-headers'
import { isLoopback } from '../config/checks.ts'
import { secretsOf } from '../config/resolve.ts'
import type { Settings } from '../config/settings.ts'
import type { Log } from '../log.ts'
import { Access } from './access/access.ts'
import { LOGIN_STYLE, loginPage } from './access/login-page.ts'
import type { Web } from './access/visitor.ts'
import { assetRoutes } from './assets.ts'
import { errorAnswer } from './error-answer.ts'
import { EventStreams } from './event-stream.ts'
import { healthRoutes } from './health-routes.ts'
import type { Metrics } from './metrics.ts'
import type { Observed } from './observed.ts'
import { type Page, page } from './page.ts'

/** The largest body that is read, in bytes. */
const LARGEST_BODY = 256 * 1024

const PAGES: Readonly<Record<string, Page>> = {
  '/mqtt/monitor/': { name: 'monitor', title: 'Monitor' },
  '/mqtt/tools/': { name: 'tools', title: 'Tools' },
  '/customization/mqtt/': { name: 'configuration', title: 'Configuration' },
}

/** What the pages are made with. */
export interface AppParts {
  /** Those of the machine: how the port is opened and who may use it. */
  readonly settings: Settings
  readonly observed: Observed
  readonly metrics: Metrics
  readonly log: Log
  /** What answers below which path, for visitors alone. */
  readonly routes: (streams: EventStreams) => ReadonlyArray<readonly [path: string, routes: Hono<Web>]>
}

/** Everything that the service answers over HTTP: first who may, then what. */
export function createApp({ settings, observed, metrics, log, routes }: AppParts): Hono<Web> {
  const access = new Access(settings)
  const { prefix } = access.origins
  const app = new Hono<Web>({ getPath: (request) => pathWithout(prefix, request) })
  app.use(secureHeaders(SECURE))
  app.use(access.guard())
  app.use(bodyLimit({ maxSize: LARGEST_BODY, onError: (context) => context.text('the body is too large\n', 413) }))
  app.route('/', healthRoutes(observed, metrics, isLoopback(settings.http_host)))
  app.get('/mqtt/login', (context) => loginPage(context, prefix, '', 200, context.req.query('next') ?? ''))
  app.post('/mqtt/login', (context) => access.login(context))
  app.post('/mqtt/logout', (context) => access.logout(context))
  app.get('/mqtt/api/visitor', (context) => context.json(context.get('visitor')))
  for (const [path, some] of routes(new EventStreams())) app.route(path, some)
  app.route('/mqtt/assets', assetRoutes())
  for (const [path, one] of Object.entries(PAGES)) {
    app.get(path, (context) => page(context, one, { prefix, hasPasswords: access.hasPasswords }))
    app.get(path.slice(0, -1), (context) => context.redirect(`${prefix}${path}`, 301))
  }
  app.get('/', (context) => context.redirect(`${prefix}/mqtt/monitor/`, 302))
  app.notFound((context) => context.text('there is nothing here; /mqtt/monitor/ is\n', 404))
  app.onError(errorAnswer(log, secretsOf(settings)))
  return app
}

const SECURE: Parameters<typeof secureHeaders>[0] = {
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", LOGIN_STYLE],
    connectSrc: ["'self'"],
    imgSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'self'"],
  },
  xFrameOptions: 'SAMEORIGIN',
  referrerPolicy: 'same-origin', // with none, a browser would hide the Origin of a form too
  strictTransportSecurity: false, // the host belongs to the proxy in front, or to other things as well
}

/** A proxy may leave the prefix where it is, or take it off. */
function pathWithout(prefix: string, request: Request): string {
  const { pathname } = new URL(request.url)
  if (prefix === '' || !pathname.startsWith(`${prefix}/`)) return pathname
  return pathname.slice(prefix.length)
}
