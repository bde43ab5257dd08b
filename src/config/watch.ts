import type { Pool } from 'pg'
import { Backoff, pause } from '../backoff.ts'
import { AppError, codeOf, reasonOf } from '../errors.ts'
import type { Health } from '../health.ts'
import type { Log } from '../log.ts'
import type { Wake } from '../wake.ts'
import { describe, isNoneEnabled, noneEnabled, originOf, readStored, resolveStored, type Stored } from './in-force.ts'
import type { LiveSettings } from './live.ts'
import type { Source } from './resolve.ts'
import type { SettingName, Settings } from './settings.ts'

/** The configuration is looked at so often, in milliseconds: a notification can be lost, a change must not be. */
const LOOK_MS = 1_500

/** insufficient_privilege: the tables are younger than the rights of our role. */
const NO_RIGHT = '42501'

const TO_BE_CORRECTED = 'nemo-mqtt config show names what is wrong, nemo-mqtt config set corrects it'

/** What the watch works with. */
export interface WatchParts {
  readonly pool: Pool
  readonly environment: Source
  readonly live: LiveSettings
  readonly health: Health
  readonly log: Log
  /** Notified when PostgreSQL says that a configuration has changed. */
  readonly wake: Wake
}

/**
 * Keeps the live settings at what environment and enabled configuration say. A configuration that cannot be used never
 * replaces one that can: the service goes on with the last good settings and says what is wrong.
 *
 * With no configuration ever enabled, the environment alone counts. Once one was, one must be: when somebody deletes
 * it, the service stops sending, rather than to go on with defaults, unsigned perhaps.
 */
export class ConfigurationWatch {
  readonly #parts: WatchParts
  #seen: string | undefined
  /** The last ones that could be used; undefined when there are none, or when nothing may be sent. */
  #good: Settings | undefined
  #hasRead = false
  #onRead: Array<() => void> = []

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  /**
   * Looks for changes until the signal aborts; until the first look has succeeded, nothing may be sent. May be run
   * again, when the service has become active again.
   *
   * @throws AppError NEMO_MQTT_ERR_CONFIG when nothing is stored and the environment alone cannot be used
   */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ capMs: LOOK_MS })
    this.#seen = undefined
    this.#parts.live.pause('the configuration has not been read yet')
    while (!signal.aborted) {
      try {
        await this.#look()
        backoff.reset()
        await this.#parts.wake.wait(LOOK_MS, signal)
      } catch (error) {
        if (error instanceof AppError) throw error
        this.#cannotRead(error)
        this.#seen = undefined
        await pause(backoff.next(), signal)
      }
    }
  }

  /** Reads it again at once, and calls back when that is done. */
  reread(onRead: () => void): void {
    this.#onRead.push(onRead)
    this.#seen = undefined
    this.#parts.wake.notify()
  }

  async #look(): Promise<void> {
    const told = this.#onRead.splice(0)
    const stored = await readStored(this.#parts.pool).catch((error: unknown) => {
      this.#onRead.unshift(...told)
      throw error
    })
    const seen = JSON.stringify(stored)
    if (seen !== this.#seen) {
      if (isNoneEnabled(stored)) this.#pause(noneEnabled())
      else this.#use(stored)
      this.#seen = seen
      this.#hasRead = true
    }
    for (const tell of told) tell()
  }

  #use(stored: Stored): void {
    const { environment, live, health } = this.#parts
    const from = originOf(stored)
    let settings: Settings
    try {
      settings = resolveStored(environment, stored.configuration)
    } catch (error) {
      if (stored.configuration === undefined && !this.#hasRead) throw error
      this.#refuse(error, from)
      return
    }
    const changed = changedNames(live.current, settings)
    if (changed.length > 0 || live.paused !== undefined) live.replace(settings)
    this.#good = settings
    const inForce = `in force is ${from}: ${describe(settings)}`
    const isSaid = health.of('configuration').state !== 'ok'
    if (changed.length > 0 && !isSaid) this.#parts.log.info({ stage: 'configuration', state: 'ok', changed }, inForce)
    health.ok('configuration', inForce)
  }

  #refuse(error: unknown, from: string): void {
    const { live, health } = this.#parts
    const why = `${from} cannot be used: ${reasonOf(error)}`
    if (this.#good === undefined) {
      this.#pause(new AppError('NEMO_MQTT_ERR_CONFIG', why, { hint: TO_BE_CORRECTED }))
      return
    }
    if (live.paused !== undefined) live.replace(this.#good)
    health.failing('configuration', `${why}\nthe last good settings stay in force`, TO_BE_CORRECTED)
  }

  #pause(why: AppError): void {
    this.#good = undefined
    this.#parts.live.pause(why.message)
    this.#parts.health.failing('configuration', why)
  }

  #cannotRead(error: unknown): void {
    const { health } = this.#parts
    const why = `cannot be read, so it stays as it is: ${reasonOf(error)}`
    if (codeOf(error) === NO_RIGHT) health.failing('configuration', why, 'nemo-mqtt migrate --service-role ROLE')
    // Whoever reads the change log on the same pool says that PostgreSQL is away; the settings stay as they are.
    else health.waiting('configuration', why)
  }
}

function changedNames(before: Settings, now: Settings): SettingName[] {
  return (Object.keys(now) as SettingName[]).filter((name) => before[name] !== now[name])
}
