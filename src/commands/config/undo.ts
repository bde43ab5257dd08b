import type { CommandModule } from 'yargs'
import { keepUsable } from '../../config/usable.ts'
import { AppError } from '../../errors.ts'
import { printLine, printNote } from '../terminal.ts'
import { type Output, tellEffect, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config undo`. */
export interface UndoArguments {
  id?: string | undefined
}

/**
 * Takes a change back, the newest one unless another is named.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when that cannot be done, or the enabled one would become unusable
 */
export async function undoChange({ id }: UndoArguments, variables: NodeJS.ProcessEnv, output: Output): Promise<number> {
  if (id !== undefined && !/^\d{1,18}$/.test(id)) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `${JSON.stringify(id)} is no number of a change`, {
      hint: 'nemo-mqtt config history lists them',
    })
  }
  return await withStore(variables, async (session) => {
    const entry = await session.store.undo(id, (found) => keepUsable(session.environment, found))
    const name = entry.before?.name ?? entry.name
    output.print(`configuration "${name}": change ${entry.id} of ${entry.who} is taken back`)
    if (entry.before === null) {
      output.note('it is not there any more')
    } else {
      tellEffect(session, await session.store.get(name), [], output)
    }
    return 0
  })
}

/** `nemo-mqtt config undo`. */
export const undoCommand: CommandModule<object, UndoArguments> = {
  command: 'undo [id]',
  describe: 'make a configuration what it was before a change, the newest one when none is named',
  builder: (yargs) => yargs.positional('id', { type: 'string', describe: 'of the change, as history shows it' }),
  handler: async (given) => {
    process.exitCode = await undoChange(given, process.env, { print: printLine, note: printNote })
  },
}
