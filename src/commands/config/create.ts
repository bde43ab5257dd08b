import type { CommandModule } from 'yargs'
import { printLine, printNote } from '../terminal.ts'
import { type ReadInput, readAssignments, readStandardInput } from './assignments.ts'
import { type Output, tellEffect, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config create`. */
export interface CreateArguments {
  name: string
  from?: string | undefined
  assignments?: string[] | undefined
}

/**
 * Stores a new configuration, not enabled; as a copy of another one where that is asked for, secrets included.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when the name or a setting cannot be stored
 */
export async function createConfiguration(
  { name, from, assignments = [] }: CreateArguments,
  variables: NodeJS.ProcessEnv,
  output: Output,
  readInput: ReadInput = readStandardInput,
): Promise<number> {
  return await withStore(variables, async (session) => {
    const copied = from === undefined ? {} : (await session.store.get(from)).settings
    const values = await readAssignments(assignments, session.configKey, readInput)
    const settings = { ...copied, ...values }
    await session.store.create([{ name, settings }])
    output.print(`configuration "${name}": created`)
    tellEffect(session, { name, enabled: false, settings }, Object.keys(values), output)
    return 0
  })
}

/** `nemo-mqtt config create`. */
export const createCommand: CommandModule<object, CreateArguments> = {
  command: 'create <name> [assignments..]',
  describe: 'store a new configuration: key=value ... as with set; it is not enabled',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', demandOption: true, describe: 'of the new configuration' })
      .positional('assignments', { type: 'string', array: true, describe: 'key=value ...' })
      .option('from', { type: 'string', requiresArg: true, describe: 'copy this configuration first' }),
  handler: async (given) => {
    process.exitCode = await createConfiguration(given, process.env, { print: printLine, note: printNote })
  },
}
