import { connect, databaseError, type Queryable } from '../db/database.ts'
import { AppError, codeOf } from '../errors.ts'
import { databaseUrl, fromEnvironment } from './environment.ts'
import { SettingsError } from './problem.ts'
import { resolveSettings, type Source } from './resolve.ts'
import type { Settings } from './settings.ts'
import { type Configuration, fromStored } from './stored.ts'

/** What the database says about configurations. */
export interface Stored {
  /** The enabled one. */
  readonly configuration: Configuration | undefined
  /** Whether any ever was: from then on the environment alone does not count. */
  readonly isInUse: boolean
}

const READ = `
select c.name, c.enabled, c.settings,
       exists (select from nemo_mqtt.configuration_history h
                where h.before -> 'enabled' = 'true' or h.after -> 'enabled' = 'true') as "isInUse"
  from (select) nothing left join nemo_mqtt.configuration c on c.enabled`

/** Neither schema nor table: nothing was stored, because nothing can be. */
const NO_TABLE: ReadonlySet<string> = new Set(['3F000', '42P01'])

/**
 * Reads which configuration is enabled.
 *
 * @throws the driver's error when the database cannot be reached or our tables may not be read
 */
export async function readStored(client: Queryable): Promise<Stored> {
  try {
    const { rows } = await client.query<Configuration & { isInUse: boolean }>(READ)
    const [{ isInUse, ...found } = { isInUse: false, name: null }] = rows
    return { configuration: found.name === null ? undefined : (found as Configuration), isInUse }
  } catch (error) {
    if (NO_TABLE.has(codeOf(error) ?? '')) return { configuration: undefined, isInUse: false }
    throw error
  }
}

/** Whether the service must not send: configurations are in use, and none is enabled. */
export function isNoneEnabled({ configuration, isInUse }: Stored): boolean {
  return configuration === undefined && isInUse
}

/** The error for that. */
export function noneEnabled(): AppError {
  return new AppError('NEMO_MQTT_ERR_CONFIG', 'no configuration is enabled, so nothing is sent', {
    hint: 'nemo-mqtt config enable NAME',
  })
}

/** Where the settings in force come from, for people. */
export function originOf({ configuration }: Stored): string {
  return configuration === undefined ? 'the environment alone' : `configuration "${configuration.name}"`
}

/**
 * The settings that a configuration makes with this environment; without one, those of the environment.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG that names every problem at once
 */
export function resolveStored(environment: Source, configuration: Configuration | undefined): Settings {
  if (configuration === undefined) return resolveSettings(environment)
  return resolveSettings(environment, fromStored(configuration, String(environment.values.config_key ?? '')))
}

/** Why a configuration cannot be used with this environment, every problem at once; undefined when it can. */
export function whyUnusable(environment: Source, configuration: Configuration): SettingsError | undefined {
  try {
    resolveStored(environment, configuration)
    return undefined
  } catch (error) {
    if (error instanceof SettingsError) return error
    throw error
  }
}

/**
 * The settings in force, by the rules of the service: the environment wins, then the enabled configuration.
 *
 * @throws AppError NEMO_MQTT_ERR_DATABASE, and NEMO_MQTT_ERR_CONFIG when they cannot be used or none is enabled
 */
export async function settingsInForce(variables: NodeJS.ProcessEnv): Promise<Settings> {
  const environment = fromEnvironment(variables)
  const database = await connect(databaseUrl(variables))
  try {
    const stored = await readStored(database.pool).catch((error: unknown) => {
      throw databaseError(error)
    })
    if (isNoneEnabled(stored)) throw noneEnabled()
    return resolveStored(environment, stored.configuration)
  } finally {
    await database.close()
  }
}

/** What the settings mean for messages, in a few words. */
export function describe(settings: Settings): string {
  const { broker_protocol, broker_host, broker_port, topic_prefix, use_hmac } = settings
  const signed = use_hmac ? 'signed' : 'not signed'
  return `${broker_protocol}://${broker_host}:${broker_port}, topics below ${topic_prefix}, ${signed}`
}
