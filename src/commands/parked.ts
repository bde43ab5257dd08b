import type { CommandModule } from 'yargs'
import { redisSettings } from '../config/environment.ts'
import { AppError } from '../errors.ts'
import { chooseParked, dropParked, type ParkedMessage, readParked, retryParked, withReason } from '../queue/parked.ts'
import { visitRedis } from '../queue/visit.ts'
import { type Ask, asker, confirmed, type Print, printLine } from './terminal.ts'

/** Which of the parked messages are meant. */
export interface ParkedArguments {
  /** Number of one message. */
  number?: string | undefined
  all?: boolean | undefined
  /** Part of the reason that all of them must have. */
  reason?: string | undefined
  yes?: boolean | undefined
  json?: boolean | undefined
}

/** Lists what is parked, oldest first. Returns the exit code. @throws AppError NEMO_MQTT_ERR_REDIS */
export async function listParked(
  given: ParkedArguments,
  environment: NodeJS.ProcessEnv,
  print: Print,
): Promise<number> {
  const messages = withReason(await visitRedis(redisSettings(environment), readParked), given.reason)
  if (given.json === true) {
    for (const message of messages) print(JSON.stringify(summaryOf(message)))
    return 0
  }
  for (const { number, time, entry, reason } of messages) {
    print(`${number}  ${time}  ${entry?.topic ?? '(unreadable)'}: ${reason}`)
  }
  print(messages.length === 0 ? 'no messages are parked' : `${messages.length} parked`)
  return 0
}

/** Shows one of them whole. Returns the exit code. @throws AppError NEMO_MQTT_ERR_CONFIG, _REDIS */
export async function showParked(
  given: ParkedArguments,
  environment: NodeJS.ProcessEnv,
  print: Print,
): Promise<number> {
  const all = await visitRedis(redisSettings(environment), readParked)
  const message = chooseParked(all, given.number ?? '')
  const { number, time, reason, attempts, entry, entryText, text } = message
  if (given.json === true) {
    print(JSON.stringify({ ...summaryOf(message), entry: entryText ?? text }))
    return 0
  }
  print(`number    ${number}`)
  print(`parked    ${time}, after ${attempts} attempts`)
  print(`reason    ${reason}`)
  if (entry === null) {
    print(`entry     ${entryText ?? text}`)
  } else {
    print(`topic     ${entry.topic}`)
    print(`retain    ${entry.retain}`)
    print(`payload   ${entry.payload}`)
  }
  return 0
}

/**
 * Puts messages back to the end of the queue. Returns the exit code: 1 when one that was meant could not be.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG, _REDIS
 */
export async function retry(given: ParkedArguments, environment: NodeJS.ProcessEnv, print: Print): Promise<number> {
  return await visitRedis(redisSettings(environment), async (redis) => {
    const chosen = choose(await readParked(redis), given)
    const readable = chosen.filter(({ entry }) => entry !== null)
    const moved = await retryParked(redis, readable)
    print(`${moved} put back to the end of the queue`)
    const unreadable = chosen.length - readable.length
    if (unreadable > 0)
      print(`${unreadable} cannot be read, so no attempt would help: nemo-mqtt parked show, then drop`)
    const gone = readable.length - moved
    if (gone > 0) print(`${gone} were not parked any more`)
    return chosen.length === moved || (given.all === true && gone === 0) ? 0 : 1
  })
}

/**
 * Deletes messages for good, after a question.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG, _REDIS, _NOT_CONFIRMED
 */
export async function drop(
  given: ParkedArguments,
  environment: NodeJS.ProcessEnv,
  print: Print,
  ask: Ask | undefined,
): Promise<number> {
  const place = redisSettings(environment)
  const chosen = choose(await visitRedis(place, readParked), given)
  if (chosen.length > 0 && given.yes !== true) {
    const [first] = chosen
    const what = chosen.length === 1 ? (first?.entry?.topic ?? `message ${first?.number}`) : `${chosen.length} messages`
    await confirmed(
      `Delete ${what}? Nobody will ever get ${chosen.length === 1 ? 'it' : 'them'}.`,
      ask,
      commandOf(given),
    )
  }
  // A person may have thought for long: no connection waits for that.
  const dropped = chosen.length === 0 ? 0 : await visitRedis(place, (redis) => dropParked(redis, chosen))
  print(`${dropped} deleted`)
  return dropped === chosen.length ? 0 : 1
}

const NUMBER = { type: 'string', describe: 'its number, or the first digits of it' } as const
const ALL = { type: 'boolean', describe: 'all of them' } as const
const REASON = { type: 'string', describe: 'only those whose reason holds this text' } as const
const JSON_LINES = { type: 'boolean', describe: 'as JSON, one a line' } as const

const SUBCOMMANDS: ReadonlyArray<CommandModule<object, ParkedArguments>> = [
  {
    command: 'list',
    describe: 'list them, oldest first',
    builder: { reason: REASON, json: JSON_LINES },
    handler: async (given) => {
      process.exitCode = await listParked(given, process.env, printLine)
    },
  },
  {
    command: 'show <number>',
    describe: 'show one with its payload',
    builder: { number: NUMBER, json: JSON_LINES },
    handler: async (given) => {
      process.exitCode = await showParked(given, process.env, printLine)
    },
  },
  {
    command: 'retry [number]',
    describe: 'put them back to the end of the queue',
    builder: { number: NUMBER, all: ALL, reason: REASON },
    handler: async (given) => {
      process.exitCode = await retry(given, process.env, printLine)
    },
  },
  {
    command: 'drop [number]',
    describe: 'delete them for good',
    builder: { number: NUMBER, all: ALL, reason: REASON, yes: { type: 'boolean', alias: 'y', describe: 'do not ask' } },
    handler: async (given) => {
      process.exitCode = await drop(given, process.env, printLine, asker())
    },
  },
]

/** `nemo-mqtt parked`. */
export const parkedCommand: CommandModule = {
  command: 'parked',
  describe: 'messages that cannot be published: list, show, try again, delete',
  builder: (yargs) => {
    for (const subcommand of SUBCOMMANDS) yargs.command(subcommand)
    return yargs.demandCommand(1, 'say what to do: list, show, retry or drop')
  },
  handler: () => undefined,
}

function choose(all: readonly ParkedMessage[], { number, all: isAll, reason }: ParkedArguments): ParkedMessage[] {
  if ((number === undefined) === (isAll !== true)) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', 'give the number of one message, or --all', {
      hint: 'nemo-mqtt parked list shows the numbers',
    })
  }
  if (number === undefined) return withReason(all, reason)
  if (reason === undefined) return [chooseParked(all, number)]
  throw new AppError('NEMO_MQTT_ERR_CONFIG', '--reason goes with --all')
}

function summaryOf({ number, time, attempts, entry, reason }: ParkedMessage): object {
  return { number, time, attempts, topic: entry?.topic ?? null, reason }
}

function commandOf({ number, reason }: ParkedArguments): string {
  if (number !== undefined) return `nemo-mqtt parked drop ${number}`
  return `nemo-mqtt parked drop --all${reason === undefined ? '' : ` --reason ${JSON.stringify(reason)}`}`
}
