import type { CommandModule } from 'yargs'
import { whyUnusable } from '../../config/in-force.ts'
import { type Print, printLine } from '../terminal.ts'
import { printJson, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config list`. */
export interface ListArguments {
  json?: boolean | undefined
}

/**
 * Lists the stored configurations.
 *
 * @returns the exit code
 * @throws AppError whatever opening the store does
 */
export async function listConfigurations(
  given: ListArguments,
  variables: NodeJS.ProcessEnv,
  print: Print,
): Promise<number> {
  const found = await withStore(variables, async ({ store, environment }) =>
    (await store.list()).map((one) => {
      const problem = whyUnusable(environment, one)?.message
      return { name: one.name, enabled: one.enabled, usable: problem === undefined, problem }
    }),
  )
  if (given.json === true) {
    printJson(print, found)
    return 0
  }
  if (found.length === 0) print('no configuration is stored: the environment alone counts')
  for (const { name, enabled, usable } of found) {
    print(`${enabled ? '*' : ' '} ${name}${usable ? '' : ' (cannot be used: nemo-mqtt config show names why)'}`)
  }
  return 0
}

/** `nemo-mqtt config list`. */
export const listCommand: CommandModule<object, ListArguments> = {
  command: 'list',
  describe: 'the stored configurations; a star marks the enabled one',
  builder: { json: { type: 'boolean', describe: 'as JSON' } },
  handler: async (given) => {
    process.exitCode = await listConfigurations(given, process.env, printLine)
  },
}
