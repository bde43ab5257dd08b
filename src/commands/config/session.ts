import { hostname, userInfo } from 'node:os'
import { fromEnvironment, variableOf } from '../../config/environment.ts'
import { whyUnusable } from '../../config/in-force.ts'
import { resolveMachineSettings, type Source } from '../../config/resolve.ts'
import { ConfigurationStore } from '../../config/store.ts'
import type { Configuration } from '../../config/stored.ts'
import type { Print } from '../terminal.ts'

/** What the subcommands of `nemo-mqtt config` work with. */
export interface ConfigSession {
  readonly store: ConfigurationStore
  readonly environment: Source
  readonly databaseUrl: string
  readonly configKey: string
}

/** Where a subcommand writes: its result, and notes that are no part of it. */
export interface Output {
  readonly print: Print
  readonly note: Print
}

/**
 * Opens the stored configurations for one piece of work.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG, _SCHEMA_MISSING, _RIGHTS or _DATABASE, and what the work throws
 */
export async function withStore<T>(
  variables: NodeJS.ProcessEnv,
  work: (session: ConfigSession) => Promise<T>,
): Promise<T> {
  const environment = fromEnvironment(variables)
  const { database_url, config_key } = resolveMachineSettings(environment)
  return await ConfigurationStore.use(database_url, whoAmI(), (store) =>
    work({ store, environment, databaseUrl: database_url, configKey: config_key }),
  )
}

/** Prints JSON for programs. */
export function printJson(print: Print, value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

/** A value for people, in quotes where it could be misread, or could do something to their terminal. */
export function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : JSON.stringify(value)
}

/**
 * Says what a change means for the service.
 *
 * @param names the settings that were changed
 */
export function tellEffect(
  { environment }: ConfigSession,
  configuration: Configuration,
  names: readonly string[],
  { note }: Output,
): void {
  const fixed = names.filter((name) => Object.hasOwn(environment.values, name))
  for (const name of fixed) note(`${name}: without effect, because ${variableOf(name)} in the environment fixes it`)
  const why = whyUnusable(environment, configuration)
  if (configuration.enabled) note('it is enabled: a running service takes it over within 2 s')
  else if (why === undefined) note(`it is not enabled: nemo-mqtt config enable ${quoted(configuration.name)}`)
  else note(`stored, but it cannot be enabled yet: ${why.message}`)
}

/** A name as it must be written in a shell. */
export function quoted(name: string): string {
  return name.includes(' ') ? `'${name}'` : name
}

// For the history: the person, not the role of the database, which several may share.
function whoAmI(): string {
  try {
    return `${userInfo().username}@${hostname()}`
  } catch {
    return `uid ${process.getuid?.() ?? '?'}@${hostname()}` // a container without a line for this user in passwd
  }
}
