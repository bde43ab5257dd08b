import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { AppError, reasonOf } from '../errors.ts'
import { redact } from '../log.ts'

/** Puts a question to a person and gives the answer. */
export type Ask = (question: string) => Promise<string>

/** Where a command writes one line. */
export type Print = (line: string) => void

/** Writes a line of the command's result. */
export const printLine: Print = (line) => {
  process.stdout.write(`${line}\n`)
}

/** Writes a line that is no part of the result. */
export const printNote: Print = (line) => {
  process.stderr.write(`${line}\n`)
}

/** Asks at the terminal; undefined when nobody is there. */
export function asker(): Ask | undefined {
  return process.stdin.isTTY && process.stdout.isTTY ? askAtTerminal : undefined
}

/**
 * Lets a person confirm what cannot be taken back.
 *
 * @throws AppError NEMO_MQTT_ERR_NOT_CONFIRMED when the answer is another than yes, or nobody is there
 */
export async function confirmed(question: string, ask: Ask | undefined, command: string): Promise<void> {
  if (ask === undefined) {
    throw new AppError('NEMO_MQTT_ERR_NOT_CONFIRMED', 'nobody is there to be asked', { hint: `${command} --yes` })
  }
  const answer = await ask(`${question} Type yes: `)
  if (answer.trim().toLowerCase() === 'yes') return
  throw new AppError('NEMO_MQTT_ERR_NOT_CONFIRMED', 'not confirmed: nothing was removed')
}

/** Reads what a person types without showing it. */
export async function askUnseen(question: string): Promise<string> {
  process.stderr.write(question)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  try {
    return await terminal.question('')
  } finally {
    terminal.close()
    process.stderr.write('\n')
  }
}

async function askAtTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}

/** Tells on standard error why a program ended: what happened, what to do, and no secret. Gives whether we raised it. */
export function complain(program: string, error: unknown): AppError | undefined {
  const known = error instanceof AppError ? error : undefined
  const code = known === undefined ? '' : `${known.code}: `
  process.stderr.write(redact(`${program}: ${code}${reasonOf(error)}\n`))
  if (known?.hint !== undefined) process.stderr.write(`  Try: ${known.hint}\n`)
  // A fault of ours: where it happened helps whoever reports it.
  if (known === undefined && error instanceof Error) process.stderr.write(redact(`${error.stack ?? ''}\n`))
  return known
}
