import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { pino } from 'pino'
import t from 'tap'
import { freePort } from '../../lab/port.ts'
import { until } from '../../lab/wait.ts'
import { createApp } from '../../src/http/app.ts'
import { Metrics } from '../../src/http/metrics.ts'
import { monitorRoutes } from '../../src/http/monitor-routes.ts'
import { serve } from '../../src/http/server.ts'
import type { Traffic } from '../../src/traffic.ts'
import { entryOf, monitorRig, pass } from './rig.ts'

t.setTimeout(120_000)
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const AT_ONCE = 200
const ROUNDS = 10

t.test('C122 2,000 readers who vanish leave nothing behind', async (t) => {
  const warnings: string[] = []
  const onWarning = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const port = await freePort()
  const { monitor, traffic, settings, observed } = monitorRig({}, { NEMO_MQTT_HTTP_PORT: String(port) })
  const end = new AbortController()
  const log = pino({ level: 'silent' })
  const app = createApp({
    settings,
    observed,
    metrics: new Metrics(observed, traffic),
    log,
    routes: (streams) => [['/mqtt/api/monitor', monitorRoutes(monitor, streams)]],
  })
  const ended = [serve(app, settings, observed.health, end.signal), monitor.run(end.signal)]
  t.teardown(async () => {
    end.abort()
    await Promise.all(ended)
  })
  for (let n = 1; n <= 200; n += 1) pass(traffic, entryOf(n))

  const round = async (): Promise<void> => {
    const sockets = await Promise.all(Array.from({ length: AT_ONCE }, () => reading(port)))
    t.equal(monitor.readers, AT_ONCE)
    pass(traffic, entryOf(1_000)) // something is under way to all of them
    for (const socket of sockets) socket.resetAndDestroy()
    await until(() => monitor.readers === 0, { what: 'all streams to end' })
  }
  for (let n = 0; n < 3; n += 1) await round() // what is made once is made now
  const before = await state(traffic)
  for (let n = 0; n < ROUNDS; n += 1) await round()
  const after = await state(traffic)
  t.comment(`heap ${before.heap.toFixed(1)} MB before, ${after.heap.toFixed(1)} MB after ${ROUNDS * AT_ONCE} readers`)
  t.equal(after.listeners, before.listeners)
  t.ok(after.timers <= before.timers + 1, `${after.timers} timers, ${before.timers} before`)
  t.ok(after.heap - before.heap < 4, 'the heap is back at the start')
  t.strictSame(warnings, [])
})

/** Connects and waits until the first event has arrived. */
async function reading(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined) // it is reset on purpose
  socket.write(`GET /mqtt/api/monitor/stream HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  await new Promise<void>((resolve) => {
    socket.on('data', (bytes) => {
      if (bytes.includes('event: history')) resolve()
    })
  })
  return socket
}

async function state(traffic: Traffic): Promise<{ listeners: number; timers: number; heap: number }> {
  const listeners = traffic.eventNames().reduce((sum, name) => sum + traffic.listenerCount(name), 0)
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  let heap = Number.POSITIVE_INFINITY
  // What was just closed is let go of over some turns of the loop.
  for (let n = 0; n < 10; n += 1) {
    collect()
    heap = Math.min(heap, process.memoryUsage().heapUsed / 1e6)
    await until(() => true, { what: 'a turn of the loop', everyMs: 50 })
  }
  return { listeners, timers: timers(), heap }
}
