import type { CommandModule } from 'yargs'
import { variableOf } from '../../config/environment.ts'
import { whyUnusable } from '../../config/in-force.ts'
import { type ShownSetting, shownSettings } from '../../config/shown.ts'
import { type Configuration, isSecret } from '../../config/stored.ts'
import { AppError } from '../../errors.ts'
import { type Print, printLine } from '../terminal.ts'
import { type ConfigSession, printJson, shown, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config show`. */
export interface ShowArguments {
  name?: string | undefined
  json?: boolean | undefined
}

/**
 * Shows every setting of a configuration, its value and where it comes from.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is no such configuration, and what opening the store does
 */
export async function showConfiguration(
  given: ShowArguments,
  variables: NodeJS.ProcessEnv,
  print: Print,
): Promise<number> {
  return await withStore(variables, async (session) => {
    const configuration = await wanted(session, given.name)
    const settings = shownSettings(session.environment, configuration)
    const problem = whyUnusable(session.environment, configuration)?.message
    const { name, enabled } = configuration
    if (given.json === true) {
      printJson(print, { name, enabled, usable: problem === undefined, problem, settings })
      return 0
    }
    print(`configuration "${name}", ${enabled ? 'enabled' : 'not enabled'}`)
    for (const setting of settings) print(lineOf(setting))
    if (problem !== undefined) print(problem)
    return 0
  })
}

/** `nemo-mqtt config show`. */
export const showCommand: CommandModule<object, ShowArguments> = {
  command: 'show [name]',
  describe: 'every setting, its value and where it comes from; of the enabled configuration when no name is given',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', describe: 'of a configuration' })
      .option('json', { type: 'boolean', describe: 'as JSON' }),
  handler: async (given) => {
    process.exitCode = await showConfiguration(given, process.env, printLine)
  },
}

/** The configuration of this name, or the enabled one. @throws AppError NEMO_MQTT_ERR_CONFIG */
export async function wanted({ store }: ConfigSession, name: string | undefined): Promise<Configuration> {
  if (name !== undefined) return await store.get(name)
  const all = await store.list()
  const enabled = all.find((one) => one.enabled)
  if (enabled !== undefined) return enabled
  const hint = all.length === 0 ? 'nemo-mqtt config create NAME' : 'nemo-mqtt config list, then name one'
  throw new AppError('NEMO_MQTT_ERR_CONFIG', 'no configuration is enabled', { hint })
}

function lineOf({ name, value, isSet, from, isOverruled }: ShownSetting): string {
  const text = isSecret(name) ? (isSet ? 'set' : 'not set') : value === '' ? '(empty)' : shown(value)
  const fixed = `environment (fixed by ${variableOf(name)}${isOverruled ? '; what is stored is without effect' : ''})`
  return `${name.padEnd(24)} ${text.padEnd(24)} ${from === 'environment' ? fixed : from}`
}
