import pg from 'pg'
import { startBroker } from '../lab/broker.ts'
import { startPostgres } from '../lab/postgres.ts'
import { startRedis } from '../lab/redis.ts'
import { until } from '../lab/wait.ts'
import { type ServiceOptions, type ServiceProcess, sampleDatabase } from '../test/fixtures/service.ts'
import { Counter } from './counter.ts'

/** Key of every signature here. */
export const SECRET = 'bench secret'
/** Tools over which changes are spread: a middling laboratory. */
export const TOOLS = 100
/** No measurement takes longer. */
const LONGEST_MS = 1_800_000

/** Servers of one's own, a database with the sample tables and our triggers, and a subscriber that counts. */
export interface Stand {
  readonly client: pg.Client
  readonly brokerUrl: string
  readonly counter: Counter
  readonly service: ServiceOptions
  readonly close: () => Promise<void>
}

/** Builds the test stand. Temporary table `ours` holds the tools, numbered from 0. */
export async function buildStand(): Promise<Stand> {
  const postgres = await startPostgres()
  const redis = await startRedis()
  const broker = await startBroker({ configuration: ['max_inflight_messages 0'] })
  const databaseUrl = await sampleDatabase(postgres, 'bench')
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(
    `insert into "NEMO_tool" (name, visible, operational) select 'Tool ' || n, true, true from generate_series(1, $1) n`,
    [TOOLS],
  )
  await client.query(
    `create temp table ours as select row_number() over () - 1 as n, id
       from (select id from "NEMO_tool" order by id desc limit ${TOOLS}) newest`,
  )
  await forgetChanges(client)
  const counter = await Counter.start(broker.url, SECRET)
  const settings = { use_hmac: true, hmac_secret_key: SECRET, log_level: 'WARNING' }
  return {
    client,
    brokerUrl: broker.url,
    counter,
    service: { databaseUrl, redisUrl: redis.url, brokerPort: broker.port, settings },
    close: async () => {
      await counter.stop()
      await client.end()
      await Promise.all([postgres.stop(), redis.stop(), broker.stop()])
    },
  }
}

/** Gives what a promise gives; fails with the service's last words when that ends before. */
export async function whileRunning<T>(service: ServiceProcess, promise: Promise<T>): Promise<T> {
  const died = service.ended(LONGEST_MS).then((outcome) => {
    throw new Error(`the service ended with ${outcome}\n${service.output}`)
  })
  return await Promise.race([promise, died])
}

/** Empties the change log. */
export async function forgetChanges(client: pg.Client): Promise<void> {
  await client.query('truncate nemo_mqtt.change_log')
}

/** Waits until every change was delivered and deleted. */
export async function allDelivered(client: pg.Client): Promise<void> {
  const isEmpty = async (): Promise<boolean> => {
    const { rows } = await client.query<{ empty: boolean }>(
      'select not exists (select from nemo_mqtt.change_log) as empty',
    )
    return rows[0]?.empty === true
  }
  await until(isEmpty, { deadlineMs: 120_000, what: 'an empty change log' })
}

/** Writes so many closed usages on all tools, one change each. */
export async function recordUsages(client: pg.Client, count: number): Promise<void> {
  await client.query(
    `insert into "NEMO_usageevent" (user_id, operator_id, project_id, tool_id, start, "end", has_ended)
     select u.id, u.id, p.id, ours.id, now() - interval '1 hour', now(),
            s.n + (select coalesce(max(has_ended), 0) from "NEMO_usageevent")
       from generate_series(1, $1) s(n)
       join ours on ours.n = s.n % ${TOOLS}
      cross join (select id from "NEMO_user" order by id limit 1) u
      cross join (select id from "NEMO_project" order by id limit 1) p order by s.n`,
    [count],
  )
}
