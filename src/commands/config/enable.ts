import type { CommandModule } from 'yargs'
import { beUsable } from '../../config/usable.ts'
import { printLine, printNote } from '../terminal.ts'
import { type Output, tellEffect, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config enable`. */
export interface EnableArguments {
  name: string
}

/**
 * Puts a configuration in force, and the one that was enabled out of it.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name, or it cannot be used
 */
export async function enableConfiguration(
  { name }: EnableArguments,
  variables: NodeJS.ProcessEnv,
  output: Output,
): Promise<number> {
  return await withStore(variables, async (session) => {
    await session.store.enable(name, (found) => beUsable(session.environment, found))
    output.print(`configuration "${name}": enabled`)
    const configuration = await session.store.get(name)
    tellEffect(session, configuration, Object.keys(configuration.settings), output)
    return 0
  })
}

/** `nemo-mqtt config enable`. */
export const enableCommand: CommandModule<object, EnableArguments> = {
  command: 'enable <name>',
  describe: 'put a configuration in force, live',
  builder: (yargs) => yargs.positional('name', { type: 'string', demandOption: true, describe: 'of a configuration' }),
  handler: async (given) => {
    process.exitCode = await enableConfiguration(given, process.env, { print: printLine, note: printNote })
  },
}
