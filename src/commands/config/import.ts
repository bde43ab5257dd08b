import { readFileSync } from 'node:fs'
import { parse } from 'lossless-json'
import type { CommandModule } from 'yargs'
import { type Configuration, isSecret, kindProblem, type StoredValues, storeProblem } from '../../config/stored.ts'
import { AppError, reasonOf } from '../../errors.ts'
import { printLine, printNote } from '../terminal.ts'
import { type ReadInput, readStandardInput, refused } from './assignments.ts'
import { importFromPlugin } from './import-plugin.ts'
import { type Output, tellEffect, withStore } from './session.ts'

/** What can be given to `nemo-mqtt config import`. */
export interface ImportArguments {
  file?: string | undefined
  name?: string | undefined
  plugin?: boolean | undefined
}

/** What {@link readExport} found. */
interface Exported {
  readonly name: string
  readonly settings: StoredValues
  readonly secrets: readonly string[]
}

/**
 * Stores a configuration that `export` has printed; it is not enabled.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG that names every problem at once
 */
export async function importConfiguration(
  { file, name, plugin }: ImportArguments,
  variables: NodeJS.ProcessEnv,
  output: Output,
  readInput: ReadInput = readStandardInput,
): Promise<number> {
  if ((file === undefined) !== (plugin === true)) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', 'give a file, or - for standard input, or --plugin', {
      hint: 'nemo-mqtt config import --help',
    })
  }
  if (file === undefined) return await importFromPlugin(variables, output)
  const exported = readExport(await readText(file, readInput), name)
  return await withStore(variables, async (session) => {
    const configuration: Configuration = { name: exported.name, enabled: false, settings: exported.settings }
    await session.store.create([configuration])
    output.print(`configuration "${exported.name}": created`)
    for (const secret of exported.secrets) {
      output.note(`${secret} is not part of an export: nemo-mqtt config set "${exported.name}" ${secret}=-`)
    }
    tellEffect(session, configuration, Object.keys(exported.settings), output)
    return 0
  })
}

/** `nemo-mqtt config import`. */
export const importCommand: CommandModule<object, ImportArguments> = {
  command: 'import [file]',
  describe: 'store what export has printed, or what the Python plugin has in NEMO’s database; it is not enabled',
  builder: (yargs) =>
    yargs
      .positional('file', { type: 'string', describe: 'JSON; - is standard input' })
      .option('name', { type: 'string', requiresArg: true, describe: 'instead of the one in the file' })
      .option('plugin', { type: 'boolean', describe: 'from the Python plugin’s table, which stays as it is' }),
  handler: async (given) => {
    process.exitCode = await importConfiguration(given, process.env, { print: printLine, note: printNote })
  },
}

async function readText(file: string, readInput: ReadInput): Promise<string> {
  if (file === '-') return await readInput('configuration')
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `the file cannot be read: ${reasonOf(error)}`)
  }
}

/**
 * Reads what `export` has printed.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG that names every problem at once, a mistake in the JSON by line and column
 */
export function readExport(text: string, givenName: string | undefined): Exported {
  const read = parseJson(text.replace(/^\ufeff/, ''))
  if (!isObject(read)) throw refused(['the file: holds no object {"name": ..., "settings": {...}}'])
  const { name = givenName, settings, secrets = [], ...others } = read
  const problems = Object.keys(others).map((key) => `${key}: is unknown here; name, settings and secrets are known`)
  if (typeof name !== 'string') problems.push('name: is missing; give one with --name')
  if (!Array.isArray(secrets)) problems.push('secrets: is no list of names')
  if (isObject(settings)) problems.push(...Object.entries(settings).flatMap(problemOf))
  else problems.push('settings: is missing, or no object')
  if (problems.length > 0) throw refused(problems)
  return {
    name: givenName ?? String(name),
    settings: settings as StoredValues,
    secrets: (secrets as unknown[]).map(String),
  }
}

function problemOf([setting, value]: [string, unknown]): string[] {
  const known = storeProblem(setting)
  if (known === undefined && isSecret(setting)) {
    return [`${setting}: is a secret; take it out, and give it with nemo-mqtt config set`]
  }
  const problem = known ?? kindProblem(setting, value)
  return problem === undefined ? [] : [`${setting}: ${problem}`]
}

// Not JSON.parse, which does not always tell the place, keeps the last of two equal keys, and quotes the text.
function parseJson(text: string): unknown {
  try {
    return parse(text, undefined, Number)
  } catch (error) {
    const why = reasonOf(error)
    const at = Number(/position (\d+)/.exec(why)?.[1] ?? text.length)
    const before = text.slice(0, at).split('\n')
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    throw refused([`the file: is not JSON at ${place}: ${why.replace(/ at position \d+/, '')}`])
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
