import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { type Broker, startBroker } from '../../lab/broker.ts'
import { type PostgresServer, startPostgres } from '../../lab/postgres.ts'
import { type RedisServer, startRedis } from '../../lab/redis.ts'
import { type Subscriber, startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { type ServiceOptions, type ServiceProcess, sampleDatabase, startService } from '../fixtures/service.ts'

/** How {@link openLaboratory} differs from its defaults. */
export interface LaboratoryOptions {
  /** Further arguments of redis-server. */
  readonly redis?: readonly string[]
  /** Further lines of mosquitto.conf. */
  readonly broker?: readonly string[]
  /** PostgreSQL settings. */
  readonly postgres?: Readonly<Record<string, string | number>>
}

/** Servers, a database with NEMO's tables, and a subscriber: what a service needs and what sees its work. */
export interface Laboratory {
  readonly postgres: PostgresServer
  readonly redis: RedisServer
  readonly broker: Broker
  readonly subscriber: Subscriber
  /** For NEMO and the tests: a user who may do everything. */
  readonly databaseUrl: string
  /** For the service: the role that `migrate --service-role` gave its rights to, and no more. */
  readonly serviceUrl: string
  /** Runs SQL in NEMO's database and gives the rows of the last statement. */
  readonly sql: (text: string) => Promise<Record<string, unknown>[]>
  /** What a service needs to know; a URL or port given here leads through a proxy. */
  readonly options: (changed?: Partial<ServiceOptions>) => ServiceOptions
  /** Starts a service that ends with the test. */
  readonly start: (changed?: Partial<ServiceOptions>) => Promise<ServiceProcess>
}

const DATABASE = 'nemo'
const SERVICE_ROLE = 'sidecar'

/** Starts everything but the service; all of it ends with the test. */
export async function openLaboratory(t: Test, options: LaboratoryOptions = {}): Promise<Laboratory> {
  const postgres = await startPostgres({ settings: options.postgres ?? {} })
  t.teardown(() => postgres.kill())
  const [databaseUrl, redis, broker] = await Promise.all([
    sampleDatabase(postgres, DATABASE, SERVICE_ROLE),
    startRedis({ arguments: options.redis ?? [] }),
    startBroker({ configuration: options.broker ?? [] }),
  ])
  t.teardown(() => redis.kill())
  t.teardown(() => broker.kill())
  const subscriber = await startSubscriber({
    url: broker.url,
    topics: ['nemo/#'],
    protocol: broker.protocol,
    aside: 'nemo/bridge/health',
  })
  t.teardown(() => subscriber.stop())
  const serviceUrl = postgres.url(DATABASE, SERVICE_ROLE)
  const needs = (changed: Partial<ServiceOptions> = {}): ServiceOptions => {
    return { databaseUrl: serviceUrl, redisUrl: redis.url, brokerPort: broker.port, ...changed }
  }
  return {
    postgres,
    redis,
    broker,
    subscriber,
    databaseUrl,
    serviceUrl,
    sql: (text) => postgres.execute(DATABASE, text),
    options: needs,
    start: async (changed = {}) => {
      const service = await startService(needs(changed))
      t.teardown(() => service.kill())
      return service
    },
  }
}

/** Asks Redis, database 1, on a connection of its own. */
export async function withRedis<T>(redis: RedisServer, ask: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url, { retryStrategy: () => null, maxRetriesPerRequest: 0, connectTimeout: 10_000 })
  client.on('error', () => undefined) // the command fails with it
  try {
    return await ask(client)
  } finally {
    client.disconnect()
  }
}

/** What is not delivered yet, in every place where something can wait. All zero when everything is. */
export async function leftOver(laboratory: Laboratory): Promise<Record<string, number>> {
  const { redis, sql } = laboratory
  const [log] = await sql(
    'select (select count(*)::int from nemo_mqtt.change_log) as n, (select count(*)::int from nemo_mqtt.unmapped) as u',
  )
  return {
    changeLog: Number(log?.n),
    unmapped: Number(log?.u),
    ...(await withRedis(redis, async (client) => ({
      queue: await client.llen(KEYS.queue),
      inFlight: await client.llen(KEYS.inFlight),
      parked: await client.llen(KEYS.parked),
    }))),
  }
}

/** Waits until nothing is left over. */
export async function delivered(laboratory: Laboratory, deadlineMs = 30_000): Promise<void> {
  let left: Record<string, number> = {}
  const isDone = async (): Promise<boolean> => {
    left = await leftOver(laboratory)
    return Object.values(left).every((n) => n === 0)
  }
  try {
    await until(isDone, { deadlineMs, everyMs: 50, what: 'everything to be delivered' })
  } catch (cause) {
    throw new Error(`not everything was delivered within ${deadlineMs} ms: ${JSON.stringify(left)}`, { cause })
  }
}
