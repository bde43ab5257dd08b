import type { Redis } from 'ioredis'
import { databaseUrl, fromEnvironment, redisSettings } from '../config/environment.ts'
import { isNoneEnabled, noneEnabled, originOf, readStored, resolveStored } from '../config/in-force.ts'
import { resolveSettings, secretsOf, secretsOfSource } from '../config/resolve.ts'
import type { Settings } from '../config/settings.ts'
import { connect, type Database } from '../db/database.ts'
import type { Drift } from '../db/drift.ts'
import { findDrift } from '../db/find-drift.ts'
import { AppError, codeOf } from '../errors.ts'
import { NotTried } from './finding.ts'
import type { MetricName } from './metrics.ts'
import { type BrokerProbe, probeBroker } from './probe.ts'
import { openRedis, type RedisInfo, readInfo } from './redis-connection.ts'

/** How long each dependency may take, in milliseconds. */
export interface Limits {
  readonly databaseMs: number
  readonly redisMs: number
  readonly brokerMs: number
}

/** The settings in force, and where they come from. */
export interface InForce {
  readonly settings: Settings
  readonly from: string
  /** False when the database could not be asked whether a configuration is stored. */
  readonly isCertain: boolean
}

/**
 * What the checks look at. Each connection is opened, and each thing is read, once, when the first check asks for it;
 * a check that asks for something that failed gets the same error again.
 */
export class Site {
  readonly environment: NodeJS.ProcessEnv
  readonly limits: Limits
  /** Aborts when the time is up. */
  readonly signal: AbortSignal
  readonly metrics: Partial<Record<MetricName, number>> = {}
  readonly #close: Array<() => void> = []
  readonly #secrets: Set<string>

  constructor(environment: NodeJS.ProcessEnv, limits: Limits, signal: AbortSignal) {
    this.environment = environment
    this.limits = limits
    this.signal = signal
    this.#secrets = new Set(secretsOfSource(fromEnvironment(environment)))
  }

  /** Values that must never be shown. */
  get secrets(): readonly string[] {
    return [...this.#secrets]
  }

  /** NEMO's database. @throws AppError NEMO_MQTT_ERR_DATABASE, NotTried when there is no usable URL */
  readonly database = once(async (): Promise<Database> => {
    const url = usable(() => databaseUrl(this.environment))
    const { databaseMs } = this.limits
    const database = await connect(url, undefined, { connectMs: databaseMs, answerMs: databaseMs })
    this.atEnd(() => void database.close().catch(() => undefined))
    return database
  })

  /** What differs from what should be in the database. */
  readonly drift = once(async (): Promise<readonly Drift[]> => await findDrift((await this.database()).pool))

  /** Redis, in no database yet. @throws AppError NEMO_MQTT_ERR_REDIS, NotTried when there is no usable URL */
  readonly redis = once(async (): Promise<Redis> => {
    const settings = usable(() => redisSettings(this.environment))
    const redis = await openRedis(settings, this.limits.redisMs)
    this.atEnd(() => redis.disconnect())
    return redis
  })

  /** Number of our database in Redis. */
  get redisDatabase(): number {
    return Number(new URL(usable(() => redisSettings(this.environment).redis_url)).pathname.slice(1))
  }

  /** What Redis says of itself; undefined when our user may not ask. */
  readonly redisInfo = once(async (): Promise<RedisInfo | undefined> => await readInfo(await this.redis()))

  /**
   * The settings in force, by the rules of the service. While the database is away, those of the environment if they
   * name the broker.
   *
   * @throws AppError NEMO_MQTT_ERR_CONFIG, NotTried when nothing can be said
   */
  readonly settings = once(async (): Promise<InForce> => {
    const environment = fromEnvironment(this.environment)
    const database = await this.database().catch(() => undefined)
    if (database === undefined) {
      const settings = resolveSettings(environment)
      if (environment.values.broker_host === undefined) throw new NotTried('DB_REACHABLE')
      return { settings, from: 'the environment', isCertain: false }
    }
    const stored = await readStored(database.pool).catch((error: unknown) => {
      throw codeOf(error) === '42501' ? new NotTried('DB_RIGHTS') : error
    })
    if (isNoneEnabled(stored)) throw noneEnabled()
    const settings = resolveStored(environment, stored.configuration)
    for (const secret of secretsOf(settings)) this.#secrets.add(secret)
    return { settings, from: originOf(stored), isCertain: true }
  })

  /** What a connection to the broker shows. @throws NotTried when the settings cannot be used */
  readonly broker = once(async (): Promise<BrokerProbe> => {
    const { settings } = await this.settings().catch((error: unknown) => {
      throw error instanceof NotTried ? error : new NotTried('CONFIGURATION')
    })
    const deadline = AbortSignal.timeout(this.limits.brokerMs)
    return await probeBroker(settings, AbortSignal.any([this.signal, deadline]))
  })

  /** Registers what must be closed at the end. */
  atEnd(close: () => void): void {
    this.#close.push(close)
  }

  /** Closes every connection, without waiting for the other side. */
  close(): void {
    for (const close of this.#close.splice(0)) close()
  }
}

function usable<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof AppError) throw new NotTried('CONFIGURATION') // which says why
    throw error
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
