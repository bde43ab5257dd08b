import { pino } from 'pino'
import t from 'tap'
import { Health } from '../../src/health.ts'
import { healthRoutes } from '../../src/http/health-routes.ts'
import { Metrics } from '../../src/http/metrics.ts'
import type { Observed } from '../../src/http/observed.ts'
import { Pulse } from '../../src/pulse.ts'
import { Traffic } from '../../src/traffic.ts'

function routes(changed: Partial<Observed> = {}) {
  const observed: Observed = {
    health: new Health(pino({ level: 'silent' }), () => ['hunter2']),
    pulse: new Pulse(),
    readiness: () => ({ isReady: true, role: 'active', why: '' }),
    stuck: () => [],
    changeLog: async () => undefined,
    queue: async () => undefined,
    inFlight: () => undefined,
    ...changed,
  }
  return { app: healthRoutes(observed, new Metrics(observed, new Traffic())), observed }
}

t.test('C120 there are four pages to read, and no other way in, however it is spelt', async (t) => {
  const { app } = routes()
  for (const path of ['/livez', '/readyz', '/health', '/metrics']) {
    t.equal((await app.request(path)).status, 200, path)
    t.equal((await app.request(path, { method: 'HEAD' })).status, 200, `HEAD ${path}`)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      t.equal((await app.request(path, { method })).status, 404, `${method} ${path}`)
    }
  }
  for (const path of [
    '/',
    '//health',
    '/HEALTH',
    '/health/',
    '/x/../health/..',
    '/api/config',
    '/metrics/x',
    '/%2e%2e/etc/passwd',
  ]) {
    t.equal((await app.request(path)).status, 404, path)
  }
})

t.test('not ready and stuck are 503 with the reason; health is always told, without secrets', async (t) => {
  const { app, observed } = routes({
    readiness: () => ({ isReady: false, role: 'active', why: 'redis: away' }),
    stuck: () => ['bridge'],
  })
  observed.health.failing('redis', 'the password hunter2 is wrong: redis://u:pw@h', 'not hunter2')
  const ready = await app.request('/readyz')
  t.strictSame([ready.status, await ready.text()], [503, 'redis: away\n'])
  const live = await app.request('/livez')
  t.strictSame([live.status, await live.text()], [503, 'stuck: bridge\n'])
  const health = await app.request('/health')
  const text = await health.text()
  t.equal(health.status, 200)
  t.match(JSON.parse(text), {
    ready: false,
    role: 'active',
    why: 'redis: away',
    pulseAgeSeconds: null,
    stages: { redis: { state: 'failing', why: 'the password *** is wrong: redis://***@h', todo: 'not ***' } },
  })
})
