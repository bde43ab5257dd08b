import { createInterface } from 'node:readline/promises'
import type { CommandModule } from 'yargs'
import { databaseUrl } from '../db/database.ts'
import { type Remainder, uninstall } from '../db/uninstall.ts'
import { AppError } from '../errors.ts'

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
  print: (line: string) => void,
  ask: ((question: string) => Promise<string>) | undefined,
): Promise<number> {
  const confirm = async (remainder: Remainder): Promise<boolean> => {
    for (const line of losses(remainder)) print(line)
    if (given.yes === true) return true
    if (ask === undefined) {
      throw new AppError('NEMO_MQTT_ERR_NOT_CONFIRMED', 'nobody is there to be asked', {
        hint: 'nemo-mqtt uninstall --yes',
      })
    }
    const answer = await ask('Remove nemo-mqtt from this database? Type yes: ')
    if (answer.trim().toLowerCase() === 'yes') return true
    throw new AppError('NEMO_MQTT_ERR_NOT_CONFIRMED', 'not confirmed: nothing was removed')
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
    const isTerminal = process.stdin.isTTY && process.stdout.isTTY
    const print = (line: string) => process.stdout.write(`${line}\n`)
    process.exitCode = await uninstallDatabase(given, process.env, print, isTerminal ? askAtTerminal : undefined)
  },
}

function losses({ undelivered, unmapped }: Remainder): string[] {
  const lines: string[] = []
  if (undelivered > 0) lines.push(`${undelivered} changes were not delivered yet and are dropped`)
  if (unmapped > 0) lines.push(`${unmapped} changes were set aside and are dropped`)
  return lines
}

async function askAtTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}
