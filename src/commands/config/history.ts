import type { CommandModule } from 'yargs'
import { deedsOf, type SettingChange, settingChanges } from '../../config/difference.ts'
import { type Print, printLine } from '../terminal.ts'
import { printJson, shown, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config history`. */
export interface HistoryArguments {
  name?: string | undefined
  limit?: number | undefined
  json?: boolean | undefined
}

/**
 * Shows who changed what, and when, newest first; of secrets only that they were changed.
 *
 * @returns the exit code
 * @throws AppError whatever opening the store does
 */
export async function showHistory(
  given: HistoryArguments,
  variables: NodeJS.ProcessEnv,
  print: Print,
): Promise<number> {
  const entries = await withStore(variables, ({ store }) => store.history(given.limit ?? 50, given.name))
  const told = entries.map((entry) => {
    const { id, at, who, name } = entry
    return { id, at: at.toISOString(), who, name, deeds: deedsOf(entry), changes: settingChanges(entry) }
  })
  if (given.json === true) printJson(print, told)
  else if (told.length === 0) print('nothing was changed yet')
  else {
    for (const { id, at, who, name, deeds, changes } of told) {
      print(`${id}  ${at}  ${shown(who)}  "${name}": ${[...deeds, ...changes.map(phrase)].join(', ')}`)
    }
  }
  return 0
}

/** `nemo-mqtt config history`. */
export const historyCommand: CommandModule<object, HistoryArguments> = {
  command: 'history [name]',
  describe: 'who changed what, and when, newest first',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', describe: 'of a configuration' })
      .option('limit', { type: 'number', requiresArg: true, describe: 'how many changes, 50 when not given' })
      .option('json', { type: 'boolean', describe: 'as JSON' }),
  handler: async (given) => {
    process.exitCode = await showHistory(given, process.env, printLine)
  },
}

function phrase({ setting, what, before, after }: SettingChange): string {
  if (what === 'changed')
    return after === undefined ? `${setting} changed` : `${setting} ${shown(before)} -> ${shown(after)}`
  return what === 'set' && after !== undefined ? `${setting} ${shown(after)}` : `${setting} ${what}`
}
