import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import { Hono } from 'hono'
import { Backoff, pause } from '../backoff.ts'
import { codeOf, reasonOf } from '../errors.ts'
import type { Metrics } from './metrics.ts'
import type { Observed } from './observed.ts'

/** Only this machine: who may read what is decided in front of it. */
const HOST = '127.0.0.1'
/** A request that takes longer is cut, in milliseconds. */
const REQUEST_MS = 10_000

/**
 * What the service answers over HTTP:
 *
 * - `/livez`: 200 while the loops turn; 503 when only a new start helps.
 * - `/readyz`: 200 while messages flow, from NEMO's table to the broker; 503 otherwise, and on a standby.
 * - `/health`: JSON, every stage with its state, since when, why and what to do; always 200.
 * - `/metrics`: for Prometheus.
 */
export function healthRoutes(observed: Observed, metrics: Metrics): Hono {
  const app = new Hono()
  app.get('/livez', (context) => {
    const stuck = observed.stuck()
    return stuck.length === 0 ? context.text('ok\n') : context.text(`stuck: ${stuck.join(', ')}\n`, 503)
  })
  app.get('/readyz', (context) => {
    const { isReady, why } = observed.readiness()
    return isReady ? context.text('ok\n') : context.text(`${why}\n`, 503)
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

/** Serves until the signal aborts. A port that is taken is tried again and again: it never ends the service. */
export async function serve(app: Hono, port: number, observed: Observed, signal: AbortSignal): Promise<void> {
  const { health } = observed
  if (port === 0) {
    health.ok('http', 'health and metrics are turned off (NEMO_MQTT_HTTP_PORT=0)')
    return
  }
  const backoff = new Backoff({ firstMs: 500, capMs: 5_000 })
  while (!signal.aborted) {
    const server = createAdaptorServer({ fetch: app.fetch, serverOptions: { requestTimeout: REQUEST_MS } })
    try {
      const address = await listen(server, port)
      health.ok('http', `health and metrics: http://${address}/health`)
      await closed(server, signal)
    } catch (error) {
      const why = `port ${port} for health and metrics: ${reasonOf(error)}`
      health.failing('http', why, codeOf(error) === 'EADDRINUSE' ? TAKEN : '')
      await pause(backoff.next(), signal)
    }
  }
}

const TAKEN = 'another program has it, perhaps another instance of this one: set NEMO_MQTT_HTTP_PORT'

async function listen(server: ServerType, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, resolve)
  })
  return `${HOST}:${(server.address() as AddressInfo).port}`
}

/** Resolves when the server has ended: at once after the signal, whoever is connected. */
async function closed(server: ServerType, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('close', resolve)
    const stop = (): void => {
      server.close()
      if ('closeAllConnections' in server) server.closeAllConnections()
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
