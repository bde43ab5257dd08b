import type { CommandModule } from 'yargs'
import { isShown } from '../../config/difference.ts'
import { isSecret } from '../../config/stored.ts'
import { printLine, printNote } from '../terminal.ts'
import { type Output, printJson, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config export`. */
export interface ExportArguments {
  name: string
}

/**
 * Prints a configuration as JSON for {@link importConfiguration}: without its secrets, whose names it lists.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name
 */
export async function exportConfiguration(
  { name }: ExportArguments,
  variables: NodeJS.ProcessEnv,
  { print, note }: Output,
): Promise<number> {
  const { settings } = await withStore(variables, ({ store }) => store.get(name))
  const keys = Object.keys(settings).sort()
  const secrets = keys.filter(isSecret)
  printJson(print, {
    name,
    settings: Object.fromEntries(keys.filter(isShown).map((key) => [key, settings[key]])),
    secrets,
  })
  const left = keys.filter((key) => !isShown(key) && !secrets.includes(key))
  if (left.length > 0) note(`left out, because there is no such setting: ${left.join(', ')}`)
  return 0
}

/** `nemo-mqtt config export`. */
export const exportCommand: CommandModule<object, ExportArguments> = {
  command: 'export <name>',
  describe: 'print a configuration as JSON, without its secrets',
  builder: (yargs) => yargs.positional('name', { type: 'string', demandOption: true, describe: 'of a configuration' }),
  handler: async (given) => {
    process.exitCode = await exportConfiguration(given, process.env, { print: printLine, note: printNote })
  },
}
