import { readFileSync } from 'node:fs'
import { text as textOf } from 'node:stream/consumers'
import { toStored } from '../../config/edit.ts'
import { isSecret, type StoredValues, storeProblem } from '../../config/stored.ts'
import { AppError, reasonOf } from '../../errors.ts'
import { askUnseen } from '../terminal.ts'

/** Where a secret is read that is not given on the command line: standard input. */
export type ReadInput = (setting: string) => Promise<string>

/** Standard input to its end; at a terminal one line that is not shown. */
export const readStandardInput: ReadInput = async (setting) =>
  process.stdin.isTTY ? await askUnseen(`${setting}: `) : await textOf(process.stdin)

/**
 * The values of `key=value` arguments as they are stored. A secret is never part of an argument, which the shell would
 * remember and every user of the machine could see: `key=-` reads standard input, `key=@FILE` a file.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG that names every problem at once, and no value of a secret
 */
export async function readAssignments(
  given: readonly string[],
  configKey: string,
  readInput: ReadInput = readStandardInput,
): Promise<StoredValues> {
  const pairs = given.map(split)
  const problems = pairs.flatMap(({ key, value }) => {
    const problem = problemOf(key, value, pairs)
    return problem === undefined ? [] : [`${key}: ${problem}`]
  })
  if (problems.length > 0) throw refused(problems)
  const values: Record<string, unknown> = {}
  for (const { key, value = '' } of pairs) {
    values[key] = toStored(key, isSecret(key) ? await readSecret(key, value, readInput) : value, configKey)
  }
  return values
}

/** An error with one line a problem. */
export function refused(problems: readonly string[]): AppError {
  const list = [...new Set(problems)].map((problem) => `  ${problem}`).join('\n')
  return new AppError('NEMO_MQTT_ERR_CONFIG', `nothing was changed:\n${list}`, {
    hint: 'the README lists every setting; nemo-mqtt config --help the commands',
  })
}

interface Pair {
  readonly key: string
  readonly value: string | undefined
}

function split(text: string): Pair {
  const at = text.indexOf('=')
  return at < 0 ? { key: text, value: undefined } : { key: text.slice(0, at), value: text.slice(at + 1) }
}

function problemOf(key: string, value: string | undefined, pairs: readonly Pair[]): string | undefined {
  const problem = storeProblem(key)
  if (problem !== undefined) return problem
  if (value === undefined) return isSecret(key) ? 'write key=- or key=@FILE' : 'write key=value'
  if (value === '') return 'has no value; nemo-mqtt config unset takes a setting out'
  if (pairs.filter((other) => other.key === key).length > 1) return 'is given twice'
  if (!isSecret(key)) return undefined
  if (value !== '-' && !/^@./.test(value)) {
    return 'is a secret, which the shell would remember: key=- reads standard input, key=@FILE a file'
  }
  const isShared = value === '-' && pairs.filter((other) => other.value === '-' && isSecret(other.key)).length > 1
  return isShared ? 'only one secret can come from standard input' : undefined
}

// Line ends at the end do not count, as in the files that the environment names.
async function readSecret(key: string, value: string, readInput: ReadInput): Promise<string> {
  let secret: string
  try {
    secret = value === '-' ? await readInput(key) : readFileSync(value.slice(1), 'utf8')
  } catch (error) {
    throw refused([`${key}: cannot be read: ${reasonOf(error)}`])
  }
  secret = secret.replace(/[\r\n]+$/, '')
  if (secret === '') throw refused([`${key}: is empty; nemo-mqtt config unset takes a setting out`])
  return secret
}
