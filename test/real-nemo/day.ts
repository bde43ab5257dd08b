import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { type Broker, MosquittoBroker, startBroker } from '../../lab/broker.ts'
import { temporaryFolder } from '../../lab/folder.ts'
import { type RedisServer, startRedis } from '../../lab/redis.ts'
import { until } from '../../lab/wait.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { runCli, type ServiceProcess, startService } from '../fixtures/service.ts'
import { withRedis } from '../service/laboratory.ts'
import { compare, liveDay, type Release } from './kit.ts'
import { Recording } from './recording.ts'
import { NemoServer } from './server.ts'

/** Signs in tests; beyond ASCII, because a key is its UTF-8 bytes. */
export const SECRET = 'lab secret “µ”'

const ARRIVAL_MS = 30_000
const ROLE_PASSWORD = 'only in the lab'

/** How mosquitto's log tells the version that the service speaks. */
const SPOKEN = { '5': /as nemo_bridge_\S+ \(p5,/, '3.1.1': /as nemo_bridge_\S+ \(p2,/ } as const

/** One way to live through the day. */
export interface DayOptions {
  readonly release: Release
  /** MQTT version of the service; the recording always speaks the newer one. */
  readonly mqttVersion: '5' | '3.1.1'
  /** Without it, messages are not signed. */
  readonly secret?: string
  /** The words that the service tells events in. */
  readonly dialect?: 'documented' | 'plugin'
  /** Connects the service as a role that may do nothing but its work, instead of as the installer. */
  readonly asServiceRole?: boolean
  /** Least time from one step of the day to the next. */
  readonly paceSeconds?: number
  /** Further settings of the service, by their names. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** What is done until the day is over, harm for instance; it must leave the service running. */
  readonly meanwhile?: (day: PresentDay, isOver: AbortSignal) => Promise<void>
}

/** A day that has begun. */
export interface PresentDay {
  /** All that arrives. */
  readonly recording: Recording
  readonly databaseUrl: string
  readonly broker: Broker
  readonly service: ServiceProcess
}

/** A day that is over. */
export interface LivedDay extends PresentDay {
  /** What the day says must arrive, in a file. */
  readonly ledger: string
}

/**
 * Lets a real NEMO live through a day, with the service as a process of its own and real servers, and holds what arrived
 * against what must have: every event, in order, with its fields, and none too many.
 */
export async function passDay(t: Test, name: string, options: DayOptions): Promise<void> {
  const { mqttVersion, secret } = options
  const { ledger, recording, broker, service } = await liveThrough(t, name, options)
  const { code, lines } = await compare(ledger, recording.file, secret)
  const verdict = lines.at(-1) ?? ''
  t.comment(verdict)
  const isWithoutFault = code === 0 && verdict.endsWith(' 0 faults')
  t.match(
    broker instanceof MosquittoBroker && broker.output,
    SPOKEN[mqttVersion],
    `the service spoke MQTT ${mqttVersion}`,
  )
  t.ok(isWithoutFault, verdict, { faults: lines.slice(0, -1), service: service.output.split('\n').slice(-20) })
}

/** Lets a real NEMO live through a day, until all that the service has to tell of it has arrived. */
export async function liveThrough(t: Test, name: string, options: DayOptions): Promise<LivedDay> {
  const { release, mqttVersion, secret, meanwhile, dialect = 'documented' } = options
  const role = options.asServiceRole === true ? `${name}_service` : undefined
  const server = await NemoServer.open(t)
  if (role !== undefined) server.forgetRole(t, role)
  const databaseUrl = await server.database(t, release, name)
  const serviceUrl = await migrate(databaseUrl, role)
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const broker = await startBroker({ kind: 'mosquitto' })
  t.teardown(() => broker.stop())
  const recording = await Recording.start(t, broker.port)
  const signing = secret === undefined ? {} : { use_hmac: true, hmac_secret_key: secret }
  const service = await startService({
    databaseUrl: serviceUrl,
    redisUrl: redis.url,
    brokerPort: broker.port,
    settings: { mqtt_version: mqttVersion, dialect, ...signing, ...options.settings },
  })
  t.teardown(() => service.kill())

  const over = new AbortController()
  const present = { recording, databaseUrl, broker, service }
  const deeds = meanwhile?.(present, over.signal)
  deeds?.catch(() => undefined) // told below, when the day is over
  const ledger = join(temporaryFolder('ledger'), 'ledger.jsonl')
  const day = await liveDay(release, databaseUrl, ledger, options.paceSeconds).finally(() => over.abort())
  await deeds
  if (day.code !== 0) throw new Error(`NEMO refused a step of the day\n${readFileSync(ledger, 'utf8')}${day.errors}`)

  // Messages of the plugin have no event_id to be counted by.
  await hasArrived(t, databaseUrl, redis, recording, dialect === 'plugin' ? 0 : expectedEvents(ledger))
  await service.stop()
  await recording.isComplete()
  return { ...present, ledger }
}

/** Installs our part of the database; gives the URL for the service. */
async function migrate(databaseUrl: string, role: string | undefined): Promise<string> {
  const asRole = role === undefined ? [] : ['--service-role', role, '--create-role']
  const { code, output } = await runCli(['migrate', ...asRole], {
    NEMO_MQTT_DATABASE_URL: databaseUrl,
    ...(role === undefined ? {} : { NEMO_MQTT_SERVICE_PASSWORD: ROLE_PASSWORD }),
  })
  if (code !== 0) throw new Error(`nemo-mqtt migrate ended with ${code}:\n${output}`)
  if (role === undefined) return databaseUrl
  const url = new URL(databaseUrl)
  url.username = role
  url.password = ROLE_PASSWORD
  return url.href
}

/** Waits until nothing waits anywhere and as many events are recorded as the day must have made. */
async function hasArrived(
  t: Test,
  databaseUrl: string,
  redis: RedisServer,
  recording: Recording,
  expected: number,
): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  client.on('error', () => undefined) // the query fails with it
  await client.connect()
  let left = {}
  const isDone = async (): Promise<boolean> => {
    const { rows } = await client.query<{ n: number }>('select count(*)::int as n from nemo_mqtt.change_log')
    const [changes, queued, inFlight] = await withRedis(redis, async (lists) => [
      rows[0]?.n,
      await lists.llen(KEYS.queue),
      await lists.llen(KEYS.inFlight),
    ])
    left = { changes, queued, inFlight, missing: expected - recording.events }
    return changes === 0 && queued === 0 && inFlight === 0 && recording.events >= expected
  }
  try {
    await until(isDone, { deadlineMs: ARRIVAL_MS, everyMs: 100, what: 'everything to arrive' })
  } catch {
    // Not the end: the comparison tells by name what is missing.
    t.fail(`not everything arrived within ${ARRIVAL_MS} ms of the end of the day`, left)
  } finally {
    await client.end()
  }
}

function expectedEvents(ledger: string): number {
  const steps = readFileSync(ledger, 'utf8').trim().split('\n')
  return steps.reduce((sum, step) => sum + ((JSON.parse(step) as { expect?: unknown[] }).expect?.length ?? 0), 0)
}
