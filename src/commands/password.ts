import type { CommandModule } from 'yargs'
import { passwordProblem } from '../config/checks.ts'
import { AppError } from '../errors.ts'
import { hashPassword } from '../http/access/password.ts'
import { type ReadInput, readStandardInput } from './config/assignments.ts'
import { type Print, printLine } from './terminal.ts'

/**
 * Prints what can stand in the environment instead of a password of the pages.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when the password cannot be used
 */
export async function password(print: Print, readInput: ReadInput = readStandardInput): Promise<number> {
  const given = (await readInput('password')).replace(/[\r\n]+$/, '')
  const problem = given === '' ? 'is empty' : passwordProblem(given)
  if (problem !== undefined) throw new AppError('NEMO_MQTT_ERR_CONFIG', `the password ${problem}`)
  print(await hashPassword(given))
  return 0
}

/** `nemo-mqtt password`. */
export const passwordCommand: CommandModule = {
  command: 'password',
  describe: 'make the hash of a password for the pages, from standard input',
  handler: async () => {
    process.exitCode = await password(printLine)
  },
}
