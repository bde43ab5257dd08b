import type { CommandModule } from 'yargs'
import { AppError } from '../../errors.ts'
import { type Ask, asker, confirmed, printLine, printNote } from '../terminal.ts'
import { type Output, quoted, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config delete`. */
export interface DeleteArguments {
  name: string
  yes?: boolean | undefined
}

/**
 * Deletes a configuration; the enabled one only when that is confirmed.
 *
 * @param ask puts a question to a person; undefined when nobody is there
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name, NEMO_MQTT_ERR_NOT_CONFIRMED
 */
export async function deleteConfiguration(
  { name, yes }: DeleteArguments,
  variables: NodeJS.ProcessEnv,
  output: Output,
  ask: Ask | undefined,
): Promise<number> {
  return await withStore(variables, async ({ store }) => {
    const { enabled } = await store.get(name)
    if (enabled) {
      output.note(`"${name}" is enabled: without it the service stops sending, and changes wait, until one is enabled`)
      if (yes !== true) await confirmed(`Delete "${name}"?`, ask, `nemo-mqtt config delete ${quoted(name)}`)
    }
    await store.delete(name, (found) => {
      if (enabled || !found.enabled) return
      throw new AppError('NEMO_MQTT_ERR_NOT_CONFIRMED', `"${name}" was enabled just now; nothing was deleted`)
    })
    output.print(`configuration "${name}": deleted`)
    output.note('nemo-mqtt config undo brings it back')
    return 0
  })
}

/** `nemo-mqtt config delete`. */
export const deleteCommand: CommandModule<object, DeleteArguments> = {
  command: 'delete <name>',
  describe: 'delete a configuration; when it is the enabled one, the service stops sending',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', demandOption: true, describe: 'of a configuration' })
      .option('yes', { type: 'boolean', alias: 'y', describe: 'do not ask' }),
  handler: async (given) => {
    process.exitCode = await deleteConfiguration(given, process.env, { print: printLine, note: printNote }, asker())
  },
}
