import { whyUnusable } from './in-force.ts'
import { SettingsError } from './problem.ts'
import type { Source } from './resolve.ts'
import type { Configuration } from './stored.ts'

/**
 * Makes sure that a change does not make the enabled configuration unusable.
 *
 * @throws SettingsError
 */
export function keepUsable(environment: Source, configuration: Configuration): void {
  if (!configuration.enabled) return
  const what = `"${configuration.name}" is enabled and must stay usable, so nothing was changed`
  mustBeUsable(environment, configuration, what, KEEP)
}

/**
 * Makes sure that a configuration can be enabled.
 *
 * @throws SettingsError
 */
export function beUsable(environment: Source, configuration: Configuration): void {
  mustBeUsable(environment, configuration, `"${configuration.name}" is not enabled`, ENABLE)
}

const KEEP = 'give all settings that belong together in one command, or change a copy: nemo-mqtt config create --from'
const ENABLE = 'nemo-mqtt config set, with the environment that the service has'

function mustBeUsable(environment: Source, configuration: Configuration, what: string, hint: string): void {
  const why = whyUnusable(environment, configuration)
  if (why !== undefined) throw new SettingsError(`${what}: ${why.message}`, why.problems, { hint })
}
