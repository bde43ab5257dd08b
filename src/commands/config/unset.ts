import type { CommandModule } from 'yargs'
import { keepUsable } from '../../config/usable.ts'
import { nearest } from '../../nearest.ts'
import { printLine, printNote } from '../terminal.ts'
import { refused } from './assignments.ts'
import { type Output, tellEffect, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config unset`. */
export interface UnsetArguments {
  name: string
  settings: string[]
}

/**
 * Takes settings out of a stored configuration, so that they have their defaults again; those also that should never
 * have got there.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when one is not there, or the enabled one would become unusable
 */
export async function unsetSettings(
  given: UnsetArguments,
  variables: NodeJS.ProcessEnv,
  output: Output,
): Promise<number> {
  const { name, settings: names } = given
  return await withStore(variables, async (session) => {
    await session.store.edit(name, (found) => {
      const problems = names
        .filter((one) => !Object.hasOwn(found.settings, one))
        .map((one) => missing(one, found.settings))
      if (problems.length > 0) throw refused(problems)
      const settings = Object.fromEntries(Object.entries(found.settings).filter(([key]) => !names.includes(key)))
      keepUsable(session.environment, { ...found, settings })
      return settings
    })
    output.print(`configuration "${name}": ${names.join(', ')} unset`)
    tellEffect(session, await session.store.get(name), names, output)
    return 0
  })
}

/** `nemo-mqtt config unset`. */
export const unsetCommand: CommandModule<object, UnsetArguments> = {
  command: 'unset <name> <settings..>',
  describe: 'take settings out, so that they have their defaults',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', demandOption: true, describe: 'of a configuration' })
      .positional('settings', { type: 'string', array: true, demandOption: true, describe: 'their names' }),
  handler: async (given) => {
    process.exitCode = await unsetSettings(given, process.env, { print: printLine, note: printNote })
  },
}

function missing(setting: string, settings: object): string {
  const near = nearest(setting, Object.keys(settings))
  return `${setting}: is not in this configuration${near === undefined ? '' : `; do you mean ${near}?`}`
}
