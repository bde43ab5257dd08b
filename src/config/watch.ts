import type { Pool } from 'pg'
import { Backoff, pause } from '../backoff.ts'
import type { Queryable } from '../db/database.ts'
import { AppError, codeOf, reasonOf } from '../errors.ts'
import type { Health } from '../health.ts'
import type { Wake } from '../wake.ts'
import type { LiveSettings } from './live.ts'
import { resolveSettings, type Source } from './resolve.ts'
import type { Settings } from './settings.ts'
import { type Configuration, fromStored } from './stored.ts'

/** The configuration is looked at so often, in milliseconds: a notification can be lost, a change must not be. */
const LOOK_MS = 1_000

/** The enabled one, and whether any was ever stored: from then on the environment alone does not count. */
const READ = `
select c.name, c.enabled, c.settings, exists (select from nemo_mqtt.configuration_history) as "isInUse"
  from (select) nothing left join nemo_mqtt.configuration c on c.enabled`

/** Neither schema nor table: nothing was stored, because nothing can be. */
const NO_TABLE: ReadonlySet<string> = new Set(['3F000', '42P01'])

const NONE_ENABLED = 'no configuration is enabled, so nothing is sent'

/** What the watch works with. */
export interface WatchParts {
  readonly pool: Pool
  readonly environment: Source
  readonly live: LiveSettings
  readonly health: Health
  /** Notified when PostgreSQL says that a configuration has changed. */
  readonly wake: Wake
}

/**
 * Keeps the live settings at what environment and enabled configuration say. A configuration that cannot be used never
 * replaces one that can: the service goes on with the last good settings and says what is wrong.
 *
 * With no configuration stored, the environment alone counts. Once one was stored, one must be enabled: when somebody
 * deletes it, the service stops sending, rather than to go on with defaults, unsigned perhaps.
 */
export class ConfigurationWatch {
  readonly #parts: WatchParts
  #seen: string | undefined
  #isLoaded = false

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  /**
   * Looks for changes until the signal aborts; until the first look has succeeded, nothing may be sent.
   *
   * @throws AppError NEMO_MQTT_ERR_CONFIG when nothing is stored and the environment alone cannot be used
   */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ capMs: LOOK_MS })
    this.#parts.live.pause('the configuration has not been read yet')
    while (!signal.aborted) {
      try {
        await this.#look()
        backoff.reset()
        await this.#parts.wake.wait(LOOK_MS, signal)
      } catch (error) {
        if (error instanceof AppError) throw error
        // Whoever reads the change log on the same pool says that PostgreSQL is away; the settings stay as they are.
        this.#parts.health.waiting('configuration', `cannot be read, so it stays as it is: ${reasonOf(error)}`)
        this.#seen = undefined
        await pause(backoff.next(), signal)
      }
    }
  }

  async #look(): Promise<void> {
    const { configuration, isInUse } = await readEnabled(this.#parts.pool)
    const seen = JSON.stringify([configuration, isInUse])
    if (seen === this.#seen) return
    if (configuration === undefined && isInUse) this.#pause(NONE_ENABLED, 'nemo-mqtt config enable NAME')
    else this.#use(configuration)
    this.#seen = seen
    this.#isLoaded = true
  }

  #use(configuration: Configuration | undefined): void {
    const { environment, live, health } = this.#parts
    const from = configuration === undefined ? 'the environment alone' : `configuration "${configuration.name}"`
    let settings: Settings
    try {
      const key = String(environment.values.config_key ?? '')
      settings = resolveSettings(environment, configuration === undefined ? undefined : fromStored(configuration, key))
    } catch (error) {
      if (configuration === undefined && !this.#isLoaded) throw error
      if (this.#isLoaded && live.paused === undefined) {
        health.failing('configuration', `${reasonOf(error)}\nthe last good settings stay in force`)
      } else {
        this.#pause(reasonOf(error), 'nemo-mqtt config set')
      }
      return
    }
    live.replace(settings)
    health.ok('configuration', `in force is ${from}: ${describe(settings)}`)
  }

  #pause(why: string, todo: string): void {
    this.#parts.live.pause(why)
    this.#parts.health.failing('configuration', why, todo)
  }
}

/**
 * The enabled configuration, and whether any was ever stored.
 *
 * @throws the driver's error when the database cannot be reached or our tables may not be read
 */
export async function readEnabled(
  client: Queryable,
): Promise<{ configuration: Configuration | undefined; isInUse: boolean }> {
  try {
    const { rows } = await client.query<Configuration & { isInUse: boolean }>(READ)
    const [{ isInUse, ...found } = { isInUse: false, name: null }] = rows
    return { configuration: found.name === null ? undefined : (found as Configuration), isInUse }
  } catch (error) {
    if (NO_TABLE.has(codeOf(error) ?? '')) return { configuration: undefined, isInUse: false }
    throw error
  }
}

function describe(settings: Settings): string {
  const { broker_protocol, broker_host, broker_port, topic_prefix, use_hmac } = settings
  const signed = use_hmac ? 'signed' : 'not signed'
  return `${broker_protocol}://${broker_host}:${broker_port}, topics below ${topic_prefix}, ${signed}`
}
