import { request } from 'node:http'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import t, { type Test } from 'tap'
import { freePort } from '../../lab/port.ts'
import { startProxy } from '../../lab/proxy.ts'
import { until } from '../../lab/wait.ts'
import type { HealthReport } from '../../src/health.ts'
import { openLaboratory } from '../service/laboratory.ts'

t.setTimeout(180_000)

/** The bound within which a stage that stands still turns readiness red, in milliseconds. */
const RED_MS = 15_000

interface Answer {
  readonly status: number
  readonly body: string
}

async function get(port: number, path: string, host = '127.0.0.1'): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const asked = request({ host, port, path, timeout: 5_000 }, (answer) => {
      let body = ''
      answer.on('data', (part) => {
        body += String(part)
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }))
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer within 5 s')))
    asked.on('error', reject)
    asked.end()
  })
}

const isReady = async (port: number): Promise<boolean> =>
  (await get(port, '/readyz').catch(() => undefined))?.status === 200

async function open(t: Test) {
  const laboratory = await openLaboratory(t)
  const { postgres, redis, broker, serviceUrl } = laboratory
  const proxies = {
    postgres: await startProxy({ targetPort: postgres.port }),
    redis: await startProxy({ targetPort: redis.port }),
    broker: await startProxy({ targetPort: broker.port }),
  }
  for (const proxy of Object.values(proxies)) t.teardown(() => proxy.stop())
  const port = await freePort()
  const settings = {
    http_port: port,
    use_hmac: true,
    hmac_secret_key: 'hunter2-hmac',
    username: 'u',
    password: 'hunter2-mqtt',
  }
  const service = await laboratory.start({
    databaseUrl: serviceUrl.replace(`:${postgres.port}/`, `:${proxies.postgres.port}/`),
    redisUrl: `redis://127.0.0.1:${proxies.redis.port}/1`,
    brokerPort: proxies.broker.port,
    settings,
  })
  return { laboratory, proxies, port, service }
}

t.test('ready means flowing: whatever stands still turns it red, and it comes back by itself', async (t) => {
  const { laboratory, proxies, port, service } = await open(t)
  await until(() => isReady(port), { deadlineMs: 20_000, what: 'readiness' })
  const { aside: pulses } = laboratory.subscriber
  t.ok(pulses.length > 0, 'a message has really arrived before it said so')

  const { status, body } = await get(port, '/health')
  t.equal(status, 200)
  const report = JSON.parse(body) as HealthReport & { ready: boolean; role: string }
  t.match(report, { ready: true, role: 'active' })
  for (const [stage, { state }] of Object.entries(report.stages)) t.equal(state, 'ok', stage)
  t.equal((await get(port, '/livez')).status, 200)
  t.match((await get(port, '/metrics')).body, /^nemo_mqtt_ready 1$/m)

  for (const [name, proxy] of Object.entries(proxies)) {
    const since = performance.now()
    proxy.silence({ newToo: true })
    await until(async () => !(await isReady(port)), { deadlineMs: RED_MS, what: `red without ${name}` })
    t.comment(`${name} silent: red after ${Math.round(performance.now() - since)} ms`)
    t.equal((await get(port, '/livez')).status, 200, 'an outage is no reason for a new start')
    t.equal((await get(port, '/metrics')).status, 200, 'metrics answer all the same')
    t.match((await get(port, '/readyz')).body, /\w+/, 'and why')
    await proxy.pass()
    await until(() => isReady(port), { deadlineMs: 30_000, what: `readiness after ${name} is back` })
  }
  const pages = await Promise.all(['/health', '/metrics', '/livez', '/readyz'].map((path) => get(port, path)))
  t.notMatch(pages.map((page) => page.body).join(''), /hunter2/)
  t.notMatch(pulses.map(({ raw }) => raw).join(''), /hunter2/)
  for (const address of elsewhere()) await t.rejects(get(port, '/health', address), `nothing listens at ${address}`)
  await service.stop()
  await t.rejects(get(port, '/livez'))
})

t.test('a standby says what it is; a taken port is said and waited for', async (t) => {
  const { laboratory, port } = await open(t)
  await until(() => isReady(port), { deadlineMs: 20_000, what: 'readiness' })
  const taken = createServer()
  const second = await freePort()
  await new Promise<void>((resolve) => taken.listen(second, '127.0.0.1', resolve))
  const standby = await laboratory.start({ settings: { http_port: second } })
  const line = await standby.says('http', 'failing')
  t.match(line, { msg: /EADDRINUSE/, todo: /NEMO_MQTT_HTTP_PORT/ })
  await new Promise((resolve) => taken.close(resolve))
  await standby.says('http', 'ok')
  await standby.says('lease', 'waiting')
  t.match(await get(second, '/readyz'), { status: 503, body: /another instance is active/ })
  t.match(JSON.parse((await get(second, '/health')).body), { role: 'standby', ready: false })
  t.equal((await get(second, '/livez')).status, 200)
})

/** Addresses of this machine that are not loopback. */
function elsewhere(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address)
}
