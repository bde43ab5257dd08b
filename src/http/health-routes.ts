import { Hono } from 'hono'
import type { Web } from './access/visitor.ts'
import type { Metrics } from './metrics.ts'
import type { Observed } from './observed.ts'

/**
 * What machines ask:
 *
 * - `/livez`: 200 while the loops turn; 503 when only a new start helps.
 * - `/readyz`: 200 while messages flow, from NEMO's table to the broker; 503 otherwise, and on a standby.
 * - `/health`: JSON, every stage with its state, since when, why and what to do; always 200.
 * - `/metrics`: for Prometheus.
 *
 * The first two are open to everybody who reaches the port.
 *
 * @param tellsWhy whether `/readyz` says why: reasons hold names of machines, which are for this one alone
 */
export function healthRoutes(observed: Observed, metrics: Metrics, tellsWhy = true): Hono<Web> {
  const app = new Hono<Web>()
  app.get('/livez', (context) => {
    const stuck = observed.stuck()
    return stuck.length === 0 ? context.text('ok\n') : context.text(`stuck: ${stuck.join(', ')}\n`, 503)
  })
  app.get('/readyz', (context) => {
    const { isReady, why } = observed.readiness()
    return isReady ? context.text('ok\n') : context.text(tellsWhy ? `${why}\n` : 'not ready\n', 503)
  })
  app.get('/health', (context) => {
    const { isReady, role, why } = observed.readiness()
    const { ageMs } = observed.pulse
    const pulseAgeSeconds = Number.isFinite(ageMs) ? Math.round(ageMs) / 1_000 : null
    return context.json({ ready: isReady, role, why, pulseAgeSeconds, ...observed.health.report() })
  })
  app.get('/metrics', async (context) => {
    const { text, contentType } = await metrics.text()
    return context.body(text, 200, { 'content-type': contentType })
  })
  return app
}
