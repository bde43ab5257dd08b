import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { pino } from 'pino'
import type { Test } from 'tap'
import { resolveMachineSettings } from '../../src/config/resolve.ts'
import { Health } from '../../src/health.ts'
import { createApp } from '../../src/http/app.ts'
import { Metrics } from '../../src/http/metrics.ts'
import type { Observed } from '../../src/http/observed.ts'
import { schemaRoutes } from '../../src/http/schema-routes.ts'
import { Pulse } from '../../src/pulse.ts'
import { Traffic } from '../../src/traffic.ts'

/** An answer as it came over the socket. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** What is asked beside the path. */
export interface Question {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Address that we call from. */
  readonly from?: string
}

/** The pages of a service that has nothing behind them, on a real port. */
export interface Door {
  readonly port: number
  /** Host that a browser would name. */
  readonly host: string
  /** The path is sent as it is given: no client tidies it. */
  readonly ask: (path: string, question?: Question) => Promise<Answer>
  /** Logs in through the form and gives the cookie. */
  readonly login: (password: string) => Promise<string>
}

/** Opens the pages with these settings of the machine. */
export async function openDoor(t: Test, settings: Readonly<Record<string, string>> = {}): Promise<Door> {
  const all = resolveMachineSettings({
    values: { database_url: 'postgres://nobody@127.0.0.1:1/none', ...settings },
    problems: [],
    nameOf: (name) => name,
  })
  const observed: Observed = {
    health: new Health(pino({ level: 'silent' })),
    pulse: new Pulse(),
    readiness: () => ({ isReady: true, role: 'active', why: '' }),
    stuck: () => [],
    changeLog: async () => undefined,
    queue: async () => undefined,
    inFlight: () => undefined,
  }
  const log = pino({ level: 'silent' })
  const app = createApp({
    settings: all,
    observed,
    metrics: new Metrics(observed, new Traffic()),
    log,
    routes: () => [['/schemas/', schemaRoutes(() => 'nemo')]],
  })
  const server = createAdaptorServer({ fetch: app.fetch })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const host = `127.0.0.1:${port}`
  const ask = (path: string, question?: Question): Promise<Answer> => askPort(port, path, question)
  return {
    port,
    host,
    ask,
    login: async (password) => {
      const answer = await ask('/mqtt/login', {
        method: 'POST',
        headers: { host, origin: `http://${host}`, 'content-type': 'application/x-www-form-urlencoded' },
        body: `password=${encodeURIComponent(password)}`,
      })
      return cookieOf(answer)
    },
  }
}

/** The cookie that an answer sets, as it is sent back; empty when it sets none. */
export function cookieOf({ headers }: Answer): string {
  return headers['set-cookie']?.[0]?.split(';')[0] ?? ''
}

async function askPort(port: number, path: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, from } = question
  return await new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers, localAddress: from, agent: false as const }
    const asked = request(options, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        text += part
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}
