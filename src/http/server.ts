import { type AddressInfo, isIPv6 } from 'node:net'
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import type { Hono } from 'hono'
import { Backoff, pause } from '../backoff.ts'
import type { Settings } from '../config/settings.ts'
import { codeOf, reasonOf } from '../errors.ts'
import type { Health } from '../health.ts'
import type { Web } from './access/visitor.ts'

/** A request that takes longer to arrive is cut, in milliseconds. */
const REQUEST_MS = 10_000
/** Connections at once; a page with its stream takes two. */
const MOST_CONNECTIONS = 1_000

/** Serves until the signal aborts. A port that is taken is tried again and again: it never ends the service. */
export async function serve(app: Hono<Web>, settings: Settings, health: Health, signal: AbortSignal): Promise<void> {
  const { http_host: host, http_port: port } = settings
  if (port === 0) {
    health.ok('http', 'pages, health and metrics are turned off (NEMO_MQTT_HTTP_PORT=0)')
    return
  }
  const backoff = new Backoff({ firstMs: 500, capMs: 5_000 })
  while (!signal.aborted) {
    const server = createAdaptorServer({ fetch: app.fetch, serverOptions: { requestTimeout: REQUEST_MS } })
    server.maxConnections = MOST_CONNECTIONS
    try {
      const address = await listen(server, host, port)
      health.ok('http', `pages, health and metrics: http://${address}/mqtt/monitor/`)
      await closed(server, signal)
    } catch (error) {
      const why = `port ${port} for pages, health and metrics: ${reasonOf(error)}`
      health.failing('http', why, REMEDY[codeOf(error) ?? ''] ?? '')
      await pause(backoff.next(), signal)
    }
  }
}

const REMEDY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it, perhaps another instance of this one: set NEMO_MQTT_HTTP_PORT',
  EADDRNOTAVAIL: 'this machine has no such address: correct NEMO_MQTT_HTTP_HOST',
  EACCES: 'ports below 1024 are for root; take a higher one and a proxy in front',
}

async function listen(server: ServerType, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const { port: opened } = server.address() as AddressInfo
  return `${isIPv6(host) ? `[${host}]` : host}:${opened}`
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
