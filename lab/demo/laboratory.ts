import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Broker, startBroker } from '../broker.ts'
import { temporaryFolder } from '../folder.ts'
import { freePort } from '../port.ts'
import { type PostgresServer, startPostgres } from '../postgres.ts'
import type { StartedProgram } from '../process.ts'
import { type RedisServer, startRedis } from '../redis.ts'
import { createSampleNemo } from '../sample-database.ts'
import { sidecar } from '../sidecar.ts'
import { type Subscriber, startSubscriber } from '../subscriber.ts'
import { until } from '../wait.ts'

/** Everything a demo consists of, running. */
export interface Laboratory {
  postgres: PostgresServer
  redis: RedisServer
  broker: Broker
  databaseUrl: string
  service: StartedProgram
  subscriber: Subscriber
  /** Where the pages are, and what lets one change things there. */
  pages: { url: string; password: string }
}

/** First level of the demo's topics. */
export const TOPIC_PREFIX = 'nemo'

/** Starts and stops a laboratory. What was started is stopped in the opposite order, also when a start fails halfway. */
export class LaboratoryRun {
  readonly #toStop: (() => Promise<unknown>)[] = []

  /** Starts everything; resolves when messages flow. */
  async start(step: (what: string) => void): Promise<Laboratory> {
    const secret = randomBytes(24).toString('base64url')
    step('starting PostgreSQL, Redis and an MQTT broker on free ports')
    const redis = this.#keep(await startRedis()) // first: the one that may be missing
    const broker = this.#keep(await startBroker())
    const postgres = this.#keep(await startPostgres())
    const databaseUrl = await createSampleNemo(postgres)
    const pages = { port: await freePort(), password: randomBytes(9).toString('base64url') }
    const settings = {
      NEMO_MQTT_DATABASE_URL: databaseUrl,
      NEMO_MQTT_REDIS_URL: redis.url,
      NEMO_MQTT_HTTP_PORT: String(pages.port),
      NEMO_MQTT_HTTP_ADMIN_PASSWORD: pages.password,
      NEMO_MQTT_CONFIG_KEY: randomBytes(24).toString('base64url'),
    }
    step('nemo-mqtt migrate: triggers on the sample NEMO tables')
    await runToEnd(sidecar({ arguments: ['migrate'], settings }))
    step('nemo-mqtt config: a stored configuration, to be played with')
    const key = join(temporaryFolder('demo-key'), 'hmac')
    writeFileSync(key, secret, { mode: 0o600 })
    const values = {
      broker_host: broker.host,
      broker_port: broker.port,
      mqtt_version: broker.protocol,
      topic_prefix: TOPIC_PREFIX,
      use_hmac: true,
      hmac_secret_key: `@${key}`,
      log_messages: true,
    }
    const assignments = Object.entries(values).map(([name, value]) => `${name}=${value}`)
    await runToEnd(sidecar({ arguments: ['config', 'create', 'demo', ...assignments], settings }))
    await runToEnd(sidecar({ arguments: ['config', 'enable', 'demo'], settings }))
    const { url, protocol } = broker
    const subscriber = this.#keep(await startSubscriber({ url, protocol, secret, topics: [`${TOPIC_PREFIX}/#`] }))
    step('nemo-mqtt run')
    const service = this.#keep(sidecar({ arguments: ['run'], settings }))
    await service.start()
    await flowing(service, pages.port)
    const address = `http://127.0.0.1:${pages.port}/mqtt/monitor/`
    return {
      postgres,
      redis,
      broker,
      databaseUrl,
      service,
      subscriber,
      pages: { url: address, password: pages.password },
    }
  }

  /** Stops everything, each whatever became of the others. @throws AggregateError of what went wrong on the way */
  async stop(): Promise<void> {
    const failures: unknown[] = []
    for (let stop = this.#toStop.pop(); stop !== undefined; stop = this.#toStop.pop()) {
      await stop().catch((error) => failures.push(error))
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n'))
  }

  #keep<T extends { stop(): Promise<void> }>(started: T): T {
    this.#toStop.push(() => started.stop())
    return started
  }
}

async function runToEnd(program: StartedProgram): Promise<void> {
  await program.start()
  const outcome = await program.ended(60_000)
  if (outcome !== 0) throw new Error(`${program.name} ended with ${outcome}:\n${program.output}`)
}

/** Resolves when every stage works: from then on a change is a message within milliseconds. */
async function flowing(service: StartedProgram, port: number): Promise<void> {
  const isFlowing = async (): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined) // not listening yet
    const { ready, stages } = ((await answer?.json()) ?? {}) as { ready?: boolean; stages?: Record<string, Stage> }
    return ready === true && Object.values(stages ?? {}).every(({ state }) => state === 'ok')
  }
  try {
    await until(async () => (await isFlowing()) || !service.isRunning, { deadlineMs: 20_000, what: 'messages to flow' })
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${service.output}`, { cause: error })
  }
  if (!service.isRunning) throw new Error(`${service.name} ended with ${service.outcome}:\n${service.output}`)
}

interface Stage {
  readonly state: string
}
