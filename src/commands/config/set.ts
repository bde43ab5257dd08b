import type { CommandModule } from 'yargs'
import { keepUsable } from '../../config/usable.ts'
import { printLine, printNote } from '../terminal.ts'
import { type ReadInput, readAssignments, readStandardInput } from './assignments.ts'
import { type Output, tellEffect, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config set`. */
export interface SetArguments {
  name: string
  assignments: string[]
}

/**
 * Changes settings of a stored configuration.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when something cannot be stored, or the enabled one would become unusable
 */
export async function setSettings(
  { name, assignments }: SetArguments,
  variables: NodeJS.ProcessEnv,
  output: Output,
  readInput: ReadInput = readStandardInput,
): Promise<number> {
  return await withStore(variables, async (session) => {
    await session.store.get(name) // before a secret is asked for
    const values = await readAssignments(assignments, session.configKey, readInput)
    await session.store.edit(name, (found) => {
      const settings = { ...found.settings, ...values }
      keepUsable(session.environment, { ...found, settings })
      return settings
    })
    output.print(`configuration "${name}": ${Object.keys(values).join(', ')} set`)
    tellEffect(session, await session.store.get(name), Object.keys(values), output)
    return 0
  })
}

/** `nemo-mqtt config set`. */
export const setCommand: CommandModule<object, SetArguments> = {
  command: 'set <name> <assignments..>',
  describe: 'change settings: key=value ...; a secret key=- from standard input, or key=@FILE',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', demandOption: true, describe: 'of a configuration' })
      .positional('assignments', { type: 'string', array: true, demandOption: true, describe: 'key=value ...' }),
  handler: async (given) => {
    process.exitCode = await setSettings(given, process.env, { print: printLine, note: printNote })
  },
}
