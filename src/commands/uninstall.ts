import type { CommandModule } from 'yargs'
import { databaseUrl } from '../config/environment.ts'
import { type Remainder, uninstall } from '../db/uninstall.ts'
import { type Ask, asker, confirmed, type Print, printLine } from './terminal.ts'

/** What can be given to `nemo-mqtt uninstall`. */
export interface UninstallArguments {
  yes?: boolean | undefined
}

/**
 * Removes every trace of ours from NEMO's database.
 *
 * @param ask puts a question to a person; undefined when nobody is there
 * @returns the exit code
 * @throws AppError whatever {@link uninstall} does, and NEMO_MQTT_ERR_NOT_CONFIRMED
 */
export async function uninstallDatabase(
  given: UninstallArguments,
  environment: NodeJS.ProcessEnv,
  print: Print,
  ask: Ask | undefined,
): Promise<number> {
  const confirm = async (remainder: Remainder): Promise<boolean> => {
    for (const line of losses(remainder)) print(line)
    if (given.yes === true) return true
    await confirmed('Remove nemo-mqtt from this database?', ask, 'nemo-mqtt uninstall')
    return true
  }
  await uninstall({ url: databaseUrl(environment), print, confirm })
  return 0
}

/** `nemo-mqtt uninstall`. */
export const uninstallCommand: CommandModule<object, UninstallArguments> = {
  command: 'uninstall',
  describe: 'remove every trace from NEMO’s database',
  builder: { yes: { type: 'boolean', alias: 'y', describe: 'do not ask' } },
  handler: async (given) => {
    process.exitCode = await uninstallDatabase(given, process.env, printLine, asker())
  },
}

function losses({ undelivered, unmapped }: Remainder): string[] {
  const lines: string[] = []
  if (undelivered > 0) lines.push(`${undelivered} changes were not delivered yet and are dropped`)
  if (unmapped > 0) lines.push(`${unmapped} changes were set aside and are dropped`)
  return lines
}
