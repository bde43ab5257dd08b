import { cpus } from 'node:os'
import pg from 'pg'
import { startBroker } from '../lab/broker.ts'
import { startPostgres } from '../lab/postgres.ts'
import { startRedis } from '../lab/redis.ts'
import { startSubscriber } from '../lab/subscriber.ts'
import { until } from '../lab/wait.ts'
import { type ServiceOptions, type ServiceProcess, sampleDatabase, startService } from '../test/fixtures/service.ts'
import { measureCeiling } from './ceiling.ts'
import { Counter } from './counter.ts'
import { now, quantile, round } from './figures.ts'
import { cpuMs, peakMemoryMb } from './process-cost.ts'
import { measureWriteCost } from './write-cost.ts'

const SECRET = 'bench secret'
const TOOLS = 100
const BACKLOG = 60_000
const GREAT_BACKLOG = Number(process.env.BENCH_DRAIN ?? 1_000_000)
const WRITES_PER_SECOND = 20
const LATENCY_SECONDS = 20
const IDLE_SECONDS = 20

const postgres = await startPostgres()
const redis = await startRedis()
const broker = await startBroker({ configuration: ['max_inflight_messages 0'] })
const databaseUrl = await sampleDatabase(postgres, 'bench')
const client = new pg.Client({ connectionString: databaseUrl })
await client.connect()
const counter = await Counter.start(broker.url, SECRET)
const options: ServiceOptions = {
  databaseUrl,
  redisUrl: redis.url,
  brokerPort: broker.port,
  settings: { use_hmac: true, hmac_secret_key: SECRET, log_level: 'WARNING' },
}

await client.query(
  `insert into "NEMO_tool" (name, visible, operational) select 'Tool ' || n, true, true from generate_series(1, ${TOOLS}) n`,
)
await client.query(
  'create temp table ours as select row_number() over (order by id) - 1 as n, id from "NEMO_tool" order by id desc limit 100',
)
await empty()

const write_cost = await writeCost()
const ceilings = [await measureCeiling(broker.url, counter, BACKLOG, SECRET)]
const flows = [await throughput()]
ceilings.push(await measureCeiling(broker.url, counter, BACKLOG, SECRET))
flows.push(await throughput())
const ceiling = Math.max(...ceilings)
const flow = Math.max(...flows.map((one) => one.messages_per_s))
const latency = await commitToSubscriber()
const drain = await drainGreatBacklog()

console.log(
  JSON.stringify(
    {
      machine: {
        cores: cpus().length,
        node: process.version,
        postgres: (await client.query('show server_version')).rows[0].server_version,
      },
      mqtt_ceiling: { messages_per_s: ceiling, runs: ceilings },
      change_log_to_subscriber: {
        messages: BACKLOG,
        signed: true,
        messages_per_s: flow,
        ratio_to_ceiling: round(flow / ceiling),
        runs: flows,
      },
      commit_to_subscriber: latency.latency,
      idle: latency.idle,
      write_cost,
      drain,
    },
    null,
    2,
  ),
)
await counter.stop()
await client.end()
await Promise.all([postgres.stop(), redis.stop(), broker.stop()])

async function empty(): Promise<void> {
  await client.query('truncate nemo_mqtt.change_log')
}

async function writeCost(): ReturnType<typeof measureWriteCost> {
  await usages(10_000)
  await empty()
  const cost = await measureWriteCost(client)
  await empty()
  return cost
}

/** So many closed usages on all tools, written as NEMO writes them, one change each. */
async function usages(count: number): Promise<void> {
  await client.query(
    `insert into "NEMO_usageevent" (user_id, operator_id, project_id, tool_id, start, "end", has_ended)
     select u.id, u.id, p.id, ours.id, now() - interval '1 hour', now(), s.n + (select coalesce(max(has_ended), 0) from "NEMO_usageevent")
       from generate_series(1, $1) s(n)
       join ours on ours.n = s.n % ${TOOLS}
      cross join (select id from "NEMO_user" order by id limit 1) u
      cross join (select id from "NEMO_project" order by id limit 1) p order by s.n`,
    [count],
  )
}

async function throughput(): Promise<{ messages_per_s: number; faults: number }> {
  await usages(BACKLOG)
  const arrived = counter.expect(BACKLOG)
  const service = await startService(options)
  const count = await arrived
  await settled()
  await service.stop()
  return { messages_per_s: round((count.messages / (count.lastAt - count.firstAt)) * 1000), faults: count.faults }
}

async function commitToSubscriber() {
  const service = await startService({ ...options, settings: { ...options.settings, log_level: 'INFO' } })
  await service.says('bridge', 'ok')
  await service.says('notifications', 'ok')
  const subscriber = await startSubscriber({ url: broker.url, topics: ['nemo/tools/#'] })
  const committedAt = new Map<number, number>()
  const tool = Number((await client.query('select id from ours where n = 0')).rows[0].id)
  const total = WRITES_PER_SECOND * LATENCY_SECONDS
  for (let index = 0; index < total; index += 1) {
    const due = now() + 1000 / WRITES_PER_SECOND
    await client.query('update "NEMO_tool" set name = $1 where id = $2', [`Tool at ${index}`, tool])
    committedAt.set(index, now())
    await new Promise((resolve) => setTimeout(resolve, due - now()))
  }
  const messages = await subscriber.waitFor(total, 20_000)
  const latencies = messages.map((message) => {
    const payload = JSON.parse((JSON.parse(message.raw) as { payload: string }).payload) as { tool_name: string }
    return message.receivedAt - (committedAt.get(Number(payload.tool_name.split(' ').at(-1))) ?? Number.NaN)
  })
  await subscriber.stop()
  const idle = await idleCost(service)
  await service.stop()
  const latency = {
    writes_per_s: WRITES_PER_SECOND,
    messages: latencies.length,
    p50_ms: round(quantile(latencies, 0.5)),
    p99_ms: round(quantile(latencies, 0.99)),
  }
  return { latency, idle }
}

async function idleCost(service: ServiceProcess): Promise<{ seconds: number; percent_of_a_core: number }> {
  const pid = service.pid ?? 0
  const before = cpuMs(pid)
  await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000)) // nothing to wait for: idling is measured
  return { seconds: IDLE_SECONDS, percent_of_a_core: round((cpuMs(pid) - before) / (IDLE_SECONDS * 10)) }
}

async function drainGreatBacklog() {
  await client.query(
    `insert into nemo_mqtt.change_log (tbl, op, new)
     select 'NEMO_usageevent', 'INSERT', jsonb_build_object('id', s.n, 'tool_id', ours.id, 'user_id', 1, 'operator_id', 1,
            'project_id', 1, 'start', now(), 'end', now(), 'remote_work', false, 'training', false, 'staff_charge_id', null)
       from generate_series(1, ${GREAT_BACKLOG}) s(n) join ours on ours.n = s.n % ${TOOLS} order by s.n`,
  )
  const arrived = counter.expect(GREAT_BACKLOG)
  const service = await startService(options)
  const count = await arrived
  await settled()
  const drained = {
    changes: GREAT_BACKLOG,
    seconds: round((count.lastAt - count.firstAt) / 1000),
    messages_per_s: round((count.messages / (count.lastAt - count.firstAt)) * 1000),
    peak_memory_mb: round(peakMemoryMb(service.pid ?? 0)),
    faults: count.faults,
  }
  await service.stop()
  return drained
}

async function settled(): Promise<void> {
  const left = async (): Promise<boolean> =>
    (await client.query('select count(*)::int as n from nemo_mqtt.change_log')).rows[0].n === 0
  await until(left, { deadlineMs: 60_000, what: 'an empty change log' })
}
