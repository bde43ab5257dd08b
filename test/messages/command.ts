import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import yargs from 'yargs'
import { until } from '../../lab/wait.ts'
import { explain } from '../../src/commands/explain.ts'
import { searchLog } from '../../src/commands/log.ts'
import { drop, listParked, retry, showParked } from '../../src/commands/parked.ts'
import { send } from '../../src/commands/send.ts'
import type { Print } from '../../src/commands/terminal.ts'
import { AppError } from '../../src/errors.ts'

const CLI = fileURLToPath(new URL('../../bin/nemo-mqtt.js', import.meta.url))

/** A command that goes on until it is ended. */
export interface RunningCommand {
  /** What it has printed, by lines. */
  readonly lines: string[]
  readonly notes: () => string
  /** Waits for so many lines. */
  readonly printed: (count: number) => Promise<string[]>
  readonly signal: (name: NodeJS.Signals) => void
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Starts a command; it ends with the test. `input` is what it reads. */
export function startCommand(
  t: Test,
  arguments_: readonly string[],
  environment: NodeJS.ProcessEnv,
  input?: string,
): RunningCommand {
  const child = spawn(process.execPath, [CLI, ...arguments_], { env: { PATH: process.env.PATH, ...environment } })
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? signal ?? -1))
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let output = ''
  let notes = ''
  const lines: string[] = []
  child.stdout.on('data', (part) => {
    const whole = (output + String(part)).split('\n')
    output = whole.pop() ?? ''
    lines.push(...whole)
  })
  child.stderr.on('data', (part) => {
    notes += String(part)
  })
  if (input !== undefined) child.stdin.end(input)
  return {
    lines,
    notes: () => notes,
    printed: (count) =>
      until(() => (lines.length >= count ? lines : undefined), { deadlineMs: 15_000, what: `${count} lines` }),
    signal: (name) => child.kill(name),
    ended,
  }
}

/** How a command ended, in the words of {@link runCli}. */
export interface CommandEnd {
  readonly code: number
  readonly stdout: string
  /** With the notes and the error. */
  readonly output: string
}

/**
 * Runs a command in this process, as the program would: a process of its own for each of many takes too long. Nobody
 * is there to be asked.
 */
export async function runHere(words: readonly string[], environment: NodeJS.ProcessEnv): Promise<CommandEnd> {
  const strings = ['tool', 'area', 'topic', 'event', 'since', 'until', 'reason', 'payload']
  const parser = yargs([...words])
    .help(false)
    .version(false)
    .string(strings)
    .number('limit')
    .boolean(['json', 'all', 'yes'])
  const given = await parser.parserConfiguration({ 'parse-positional-numbers': false }).parseAsync()
  const [command = '', first = '', second] = given._.map(String)
  const stdout: string[] = []
  const notes: string[] = []
  const print = (line: string): void => void stdout.push(`${line}\n`)
  const note = (line: string): void => void notes.push(`${line}\n`)
  const act = ACTS[command === 'parked' ? `parked ${first}` : command]
  if (act === undefined) throw new Error(`no command ${command}`)
  let code = 1
  try {
    code = await act({ given, first, second }, environment, print, note)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    code = error.code === 'NEMO_MQTT_ERR_CONFIG' ? 2 : 1
    note(`${error.code}: ${error.message}\n  Try: ${error.hint}`)
  }
  return { code, stdout: stdout.join(''), output: [...stdout, ...notes].join('') }
}

interface Words {
  readonly given: object
  readonly first: string
  readonly second: string | undefined
}

type Act = (words: Words, environment: NodeJS.ProcessEnv, print: Print, note: Print) => Promise<number>

const ACTS: Readonly<Record<string, Act>> = {
  log: ({ given }, environment, print, note) => searchLog({ limit: 100, ...given }, environment, print, note),
  explain: ({ given, first, second = '' }, environment, print, note) =>
    explain({ limit: 20, ...given, table: first, id: second }, environment, print, note),
  send: ({ given }, environment, print) => send({ timeout: 10, ...given }, environment, print),
  'parked list': ({ given }, environment, print) => listParked(given, environment, print),
  'parked show': ({ given, second }, environment, print) =>
    showParked({ ...given, number: second }, environment, print),
  'parked retry': ({ given, second }, environment, print) => retry({ ...given, number: second }, environment, print),
  'parked drop': ({ given, second }, environment, print) =>
    drop({ ...given, number: second }, environment, print, undefined),
}
