import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { type RedisServer, startRedis } from '../../lab/redis.ts'
import { until } from '../../lab/wait.ts'
import { Backoff, pause } from '../../src/backoff.ts'
import { PendingChanges } from '../../src/capture/pending.ts'
import { readSettings } from '../../src/config/environment.ts'
import { LiveSettings } from '../../src/config/live.ts'
import { AppError } from '../../src/errors.ts'
import { Health } from '../../src/health.ts'
import { Liveness } from '../../src/liveness.ts'
import { createLog } from '../../src/log.ts'
import { Bridge } from '../../src/publish/bridge.ts'
import { Broker } from '../../src/publish/broker.ts'
import { encodeEntry } from '../../src/queue/entry.ts'
import { EventQueue } from '../../src/queue/event-queue.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { Traffic } from '../../src/traffic.ts'
import { Wake } from '../../src/wake.ts'
import type { LogLine } from '../fixtures/service.ts'

/** Id of the installation whose bridge a {@link Rig} runs. */
export const INSTALLATION = 'rig'

/** The half of the service from Redis to the broker, in this process: no PostgreSQL, so that it starts at once. */
export class Rig {
  readonly redis: RedisServer
  readonly client: Redis
  readonly lines: LogLine[] = []
  readonly health: Health
  readonly live: LiveSettings
  readonly traffic = new Traffic()
  /** With a clock that a test can put forward. */
  readonly clock = { aheadMs: 0 }
  readonly liveness = new Liveness(() => performance.now() + this.clock.aheadMs)
  readonly broker: Broker
  /** The bridge of the present claim. */
  bridge: Bridge | undefined
  claims = 0
  readonly #redisUrl: string
  readonly #log
  readonly #stop = new AbortController()
  #ended: Promise<unknown> = Promise.resolve()
  #change = 0

  constructor(redis: RedisServer, settings: Readonly<Record<string, string>>) {
    const all = readSettings({
      NEMO_MQTT_DATABASE_URL: 'postgres://nobody@127.0.0.1/nothing',
      NEMO_MQTT_REDIS_URL: redis.url,
      NEMO_MQTT_BROKER_HOST: '127.0.0.1',
      NEMO_MQTT_RECONNECT_DELAY: '1',
      ...settings,
    })
    const write = (line: string): void => {
      this.lines.push(JSON.parse(line) as LogLine)
    }
    this.redis = redis
    this.#redisUrl = all.redis_url
    this.client = new Redis(redis.url, { maxRetriesPerRequest: null })
    this.client.on('error', () => undefined) // Redis is restarted by some tests; the client comes back by itself
    this.#log = createLog({ level: 'DEBUG', secrets: () => [], destination: { write } })
    this.health = new Health(this.#log)
    this.live = new LiveSettings(all)
    this.broker = new Broker(this.live, this.health)
  }

  /** Starts broker link and bridge. */
  start(): void {
    const { signal } = this.#stop
    this.#ended = Promise.all([this.broker.run(signal), this.#claims(signal)])
    this.#ended.catch(() => undefined) // `stop` throws it
  }

  /** Waits until it has ended by itself, and throws why. */
  async stopped(): Promise<void> {
    await this.#ended
  }

  /** Ends both, as the service does. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ended
    await this.broker.close()
  }

  /** Pushes one message of an entity of ours, as the listener does, and gives its number. */
  async push(topic: string, payload = '{}', entity = topic): Promise<number> {
    this.#change += 1
    await this.pushTexts([this.entry(topic, payload, entity, this.#change)])
    return this.#change
  }

  /** Pushes many at once: topic and payload of each. */
  async pushAll(messages: ReadonlyArray<readonly [string, string]>): Promise<void> {
    await this.pushTexts(messages.map(([topic, payload]) => this.entry(topic, payload, topic, ++this.#change)))
  }

  /** Pushes entries as they are, as other programs do. */
  async pushTexts(texts: readonly string[]): Promise<void> {
    for (let n = 0; n < texts.length; n += 500) await this.client.lpush(KEYS.queue, ...texts.slice(n, n + 500))
  }

  /** The text of an entry of ours. */
  entry(topic: string, payload: string, entity: string, change: number): string {
    const origin = { installation: INSTALLATION, change: String(change), index: 0, count: 1 }
    return encodeEntry({ topic, payload, retain: false, entity, origin, queuedAt: 0 })
  }

  /** Lengths of the lists. */
  async lists(): Promise<{ queue: number; inFlight: number; parked: number }> {
    const [queue, inFlight, parked] = await Promise.all(
      [KEYS.queue, KEYS.inFlight, KEYS.parked].map((key) => this.client.llen(key)),
    )
    return { queue: queue ?? -1, inFlight: inFlight ?? -1, parked: parked ?? -1 }
  }

  /** Waits until nothing is queued or in flight, and gives how many are parked. */
  async drained(deadlineMs = 15_000): Promise<number> {
    let lists = { queue: -1, inFlight: -1, parked: -1 }
    const isDone = async (): Promise<boolean> => {
      lists = await this.lists()
      return lists.queue === 0 && lists.inFlight === 0
    }
    await until(isDone, { deadlineMs, what: 'the lists to be empty' }).catch((cause: unknown) => {
      throw new Error(`not drained in ${deadlineMs} ms: ${JSON.stringify(lists)}`, { cause })
    })
    return lists.parked
  }

  /** The reasons of what is parked, oldest first. */
  async reasons(): Promise<string[]> {
    const parked = await this.client.lrange(KEYS.parked, 0, -1)
    return parked.reverse().map((text) => (JSON.parse(text) as { reason: string }).reason)
  }

  /** Waits for a log line. */
  logged(matches: (line: LogLine) => boolean, what: string, deadlineMs = 10_000, from = 0): Promise<LogLine> {
    return until(() => this.lines.slice(from).find(matches), { deadlineMs, what: `${what} in the log` })
  }

  // As the service does it, without what concerns PostgreSQL.
  async #claims(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ firstMs: 20, capMs: 100 })
    while (!signal.aborted) {
      try {
        await this.#claim(signal)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        this.health.failing('redis', error)
        await pause(backoff.next(), signal)
      }
    }
  }

  async #claim(signal: AbortSignal): Promise<void> {
    const { broker, health } = this
    const queue = await EventQueue.claim(this.#redisUrl, INSTALLATION)
    this.claims += 1
    const bridge = new Bridge({
      queue,
      broker,
      pending: new PendingChanges(),
      wake: new Wake(),
      health,
      traffic: this.traffic,
      liveness: this.liveness,
      log: this.#log,
    })
    this.bridge = bridge
    health.ok('redis', 'the queue is ours')
    try {
      await bridge.run(signal)
      await bridge.finish(2_500)
    } finally {
      bridge.abandon()
      queue.close()
    }
  }
}

/** Starts a Redis and what a test needs; all of it ends with the test. It does nothing before `start` is called. */
export async function openRig(
  t: Test,
  settings: Readonly<Record<string, string>>,
  options: { redis?: readonly string[]; server?: RedisServer } = {},
): Promise<Rig> {
  const redis = options.server ?? (await startRedis({ arguments: options.redis ?? [] }))
  if (options.server === undefined) t.teardown(() => redis.kill())
  const rig = new Rig(redis, settings)
  t.teardown(async () => {
    await rig.stop().catch(() => undefined) // a test that ends the service itself has looked at why
    rig.client.disconnect()
  })
  return rig
}

/** Settings that lead to a broker on loopback. */
export function brokerAt(port: number, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { NEMO_MQTT_BROKER_PORT: String(port), ...more }
}

/** Numbers 0 to n - 1. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
