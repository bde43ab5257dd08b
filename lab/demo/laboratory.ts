import { randomBytes } from 'node:crypto'
import { type Broker, startBroker } from '../broker.ts'
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
}

/** First level of the demo's topics. */
export const TOPIC_PREFIX = 'nemo'

/** Starts and stops a laboratory. What was started is stopped in the opposite order, also when a start fails halfway. */
export class LaboratoryRun {
  readonly #toStop: (() => Promise<unknown>)[] = []

  /** Starts everything; resolves when the bridge has said that it is online. */
  async start(step: (what: string) => void): Promise<Laboratory> {
    const secret = randomBytes(24).toString('base64url')
    step('starting PostgreSQL, Redis and an MQTT broker on free ports')
    const redis = this.#keep(await startRedis()) // first: the one that may be missing
    const broker = this.#keep(await startBroker())
    const postgres = this.#keep(await startPostgres())
    const databaseUrl = await createSampleNemo(postgres)
    const settings = {
      NEMO_MQTT_DATABASE_URL: databaseUrl,
      NEMO_MQTT_REDIS_URL: redis.url,
      NEMO_MQTT_BROKER_HOST: broker.host,
      NEMO_MQTT_BROKER_PORT: String(broker.port),
      NEMO_MQTT_HTTP_PORT: '0',
      NEMO_MQTT_MQTT_VERSION: broker.protocol,
      NEMO_MQTT_TOPIC_PREFIX: TOPIC_PREFIX,
      NEMO_MQTT_USE_HMAC: 'true',
      NEMO_MQTT_HMAC_SECRET_KEY: secret,
    }
    step('nemo-mqtt migrate: triggers on the sample NEMO tables')
    await runToEnd(sidecar({ arguments: ['migrate'], settings }))
    const { url, protocol } = broker
    const subscriber = this.#keep(await startSubscriber({ url, protocol, secret, topics: [`${TOPIC_PREFIX}/#`] }))
    step('nemo-mqtt run')
    const service = this.#keep(sidecar({ arguments: ['run'], settings }))
    await service.start()
    await online(subscriber, service)
    return { postgres, redis, broker, databaseUrl, service, subscriber }
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

/** The bridge says `online` once the broker has acknowledged it, so from then on messages flow. */
async function online(subscriber: Subscriber, service: StartedProgram): Promise<void> {
  const topic = `${TOPIC_PREFIX}/bridge/state`
  const isOnline = () => subscriber.messages.some((message) => message.topic === topic && message.payload === 'online')
  try {
    await until(() => isOnline() || !service.isRunning, { deadlineMs: 20_000, what: 'nemo-mqtt to be online' })
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${service.output}`, { cause: error })
  }
  if (!service.isRunning) throw new Error(`${service.name} ended with ${service.outcome}:\n${service.output}`)
}
