import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { CommandModule } from 'yargs'
import { settingsInForce } from '../config/in-force.ts'
import { secretFrom } from '../config/secret.ts'
import { AppError, reasonOf } from '../errors.ts'
import { Receiver } from '../receive/receiver.ts'
import { filterPattern } from '../receive/topic-filter.ts'
import { untilInterrupted } from '../shutdown.ts'
import { type Verdict, verifyEnvelope } from '../sign/verify.ts'
import { type Print, printLine, printNote } from './terminal.ts'

/** What can be given to `nemo-mqtt verify`. */
export interface VerifyArguments {
  'key-file'?: string | undefined
  live?: string | undefined
}

/** One line as it came, or one message. */
interface Found {
  /** Undefined when the line does not say. */
  readonly topic: string | undefined
  readonly text: string
}

/** Where the envelopes come from. */
export interface VerifySource {
  /** Lines of standard input. */
  readonly lines: AsyncIterable<string>
  /** Ends listening. */
  readonly signal: AbortSignal
}

/**
 * Checks envelopes: lines, or what arrives on a topic.
 *
 * @returns the exit code: 1 when one is bad
 * @throws AppError NEMO_MQTT_ERR_CONFIG without a key; _DATABASE, _BROKER
 */
export async function verify(
  given: VerifyArguments,
  environment: NodeJS.ProcessEnv,
  source: VerifySource,
  print: Print,
  note: Print,
): Promise<number> {
  const secret = await keyOf(given, environment)
  const counts = { good: 0, bad: 0 }
  const judge = ({ topic, text }: Found): void => {
    const verdict = verifyEnvelope(text, secret)
    counts[verdict.state === 'good' ? 'good' : 'bad'] += 1
    print(lineOf(topic, verdict))
  }
  if (given.live === undefined) {
    for await (const line of source.lines) if (line.trim() !== '') judge(readLine(line))
  } else {
    filterPattern(given.live) // says what is wrong with it; a broker would hang up
    const onMessage = judge
    const receiver = await Receiver.open(await settingsInForce(environment), given.live, { onMessage, onNote: note })
    note(`listening to ${given.live}`)
    const { signal } = source
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    receiver.close()
  }
  print(`${counts.good} good, ${counts.bad} bad`)
  return counts.bad === 0 ? 0 : 1
}

/**
 * A line of ours or of mosquitto_sub: the envelope alone; topic, space, envelope (`-v`); or a JSON object with topic
 * and payload (`-F %j`, and `-F %J`, where the payload is no text but JSON again).
 */
export function readLine(line: string): Found {
  const text = line.trim()
  const fields = parse(text)
  if (typeof fields === 'object' && fields !== null && !Object.hasOwn(fields, 'hmac')) {
    const { topic, payload } = fields as Record<string, unknown>
    if (typeof topic === 'string' && payload !== undefined) {
      return { topic, text: typeof payload === 'string' ? payload : JSON.stringify(payload) }
    }
  }
  if (fields !== undefined) return { topic: undefined, text }
  for (let space = text.indexOf(' '); space > 0; space = text.indexOf(' ', space + 1)) {
    if (text[space + 1] === '{') return { topic: text.slice(0, space), text: text.slice(space + 1) }
  }
  return { topic: undefined, text }
}

/** `nemo-mqtt verify`. */
export const verifyCommand: CommandModule<object, VerifyArguments> = {
  command: 'verify',
  describe: 'check signed messages: lines of standard input (mosquitto_sub, also -v or -F %j), or live',
  builder: {
    'key-file': { type: 'string', describe: 'file with the key; the one in force when missing' },
    live: { type: 'string', describe: 'listen to this topic filter instead, until Ctrl-C' },
  },
  handler: async (given) => {
    const isLive = given.live !== undefined
    const lines = isLive ? nothing() : createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
    const signal = isLive ? untilInterrupted() : new AbortController().signal
    process.exitCode = await verify(given, process.env, { lines, signal }, printLine, printNote)
  },
}

async function* nothing(): AsyncGenerator<string> {}

async function keyOf(given: VerifyArguments, environment: NodeJS.ProcessEnv): Promise<string> {
  const secret = given['key-file'] === undefined ? await keyInForce(environment) : keyIn(given['key-file'])
  if (secret !== '') return secret
  throw new AppError('NEMO_MQTT_ERR_CONFIG', 'there is no key to verify with', {
    hint: 'give --key-file, or set NEMO_MQTT_HMAC_SECRET_KEY',
  })
}

// Whoever gives the key in the environment needs no database.
async function keyInForce(environment: NodeJS.ProcessEnv): Promise<string> {
  return secretFrom(environment, 'NEMO_MQTT_HMAC_SECRET_KEY') ?? (await settingsInForce(environment)).hmac_secret_key
}

function keyIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/[\r\n]+$/, '')
  } catch (error) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `--key-file: the file cannot be read: ${reasonOf(error)}`)
  }
}

function lineOf(topic: string | undefined, verdict: Verdict): string {
  const on = topic ?? '-'
  switch (verdict.state) {
    case 'good':
      return `good  ${on}  ${eventOf(verdict.payload)}`
    case 'bad':
      return `bad   ${on}  ${verdict.why}`
    case 'none':
      return `bad   ${on}  no envelope: not signed`
  }
}

function eventOf(payload: string): string {
  const event = (parse(payload) as { event?: unknown } | null | undefined)?.event
  return typeof event === 'string' ? event : payload.slice(0, 60)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // whoever asks treats that as an answer
  }
}
