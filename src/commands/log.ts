import type { CommandModule } from 'yargs'
import type { LoggedMessage } from '../archive/record.ts'
import { type LogSearch, searchMessages } from '../archive/store.ts'
import { databaseUrl } from '../config/environment.ts'
import { settingsInForce } from '../config/in-force.ts'
import { connect, databaseError } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { filterPattern } from '../receive/topic-filter.ts'
import { type Print, printLine, printNote } from './terminal.ts'
import { timeOf } from './time.ts'

/** How messages of the log are chosen. */
export interface SearchArguments {
  tool?: string | undefined
  area?: string | undefined
  topic?: string | undefined
  event?: string | undefined
  since?: string | undefined
  until?: string | undefined
}

/** What can be given to `nemo-mqtt log`. */
export interface LogArguments extends SearchArguments {
  limit: number
  json?: boolean | undefined
}

/**
 * Searches the message log.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG, _DATABASE, _RIGHTS
 */
export async function searchLog(
  given: LogArguments,
  environment: NodeJS.ProcessEnv,
  print: Print,
  note: Print,
): Promise<number> {
  const { limit } = given
  if (!Number.isInteger(limit) || limit < 1)
    throw new AppError('NEMO_MQTT_ERR_CONFIG', '--limit is a number, 1 at least')
  const search = { ...searchOf(given), limit }
  const database = await connect(databaseUrl(environment))
  try {
    const messages = await searchMessages(database.pool, search)
    for (const message of messages) print(given.json === true ? JSON.stringify(message) : lineOf(message))
    if (messages.length === 0) note('nothing found')
  } catch (error) {
    throw databaseError(error)
  } finally {
    await database.close()
  }
  await noteIfOff(environment, note)
  return 0
}

/** What is meant by the options. @throws AppError NEMO_MQTT_ERR_CONFIG */
export function searchOf({ tool, area, topic, event, since, until }: SearchArguments): Omit<LogSearch, 'limit'> {
  for (const [name, id] of Object.entries({ tool, area })) {
    if (id !== undefined && !/^\d+$/.test(id))
      throw new AppError('NEMO_MQTT_ERR_CONFIG', `--${name} ${id}: an id is digits`)
  }
  return {
    tool,
    area,
    event,
    topic: topic === undefined ? undefined : filterPattern(topic),
    since: since === undefined ? undefined : timeOf('--since', since),
    until: until === undefined ? undefined : timeOf('--until', until),
  }
}

/** Says when nothing new comes to the log. */
export async function noteIfOff(environment: NodeJS.ProcessEnv, note: Print): Promise<void> {
  try {
    const { log_messages } = await settingsInForce(environment)
    if (!log_messages) note('the message log is off (NEMO_MQTT_LOG_MESSAGES): nothing new is written')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    note(`whether the message log is on is not known: ${error.message}`)
  }
}

/** The options by which messages of the log are chosen. */
export const SEARCH_OPTIONS = {
  tool: { type: 'string', describe: 'id of a tool' },
  area: { type: 'string', describe: 'id of an area' },
  topic: { type: 'string', describe: 'topic filter, with + and #' },
  event: { type: 'string', describe: 'name of an event, such as tool_usage_start' },
  since: { type: 'string', describe: 'from then on: 90s, 30m, 2h, 7d ago, or a time such as 2026-11-25T08:00:00Z' },
  until: { type: 'string', describe: 'until then, likewise' },
} as const

/** `nemo-mqtt log`. */
export const logCommand: CommandModule<object, LogArguments> = {
  command: 'log',
  describe: 'search the message log: what was delivered, parked, or became no message',
  builder: {
    ...SEARCH_OPTIONS,
    limit: { type: 'number', default: 100, describe: 'the newest so many' },
    json: { type: 'boolean', describe: 'as JSON, one a line' },
  },
  handler: async (given) => {
    process.exitCode = await searchLog(given, process.env, printLine, printNote)
  },
}

function lineOf({ at, outcome, topic, payload, table, row, reason }: LoggedMessage): string {
  const what = topic ?? `${table ?? '(unreadable)'} ${row ?? ''}`
  return [at.toISOString(), outcome.padEnd(9), what, reason ?? '', payload ?? '']
    .filter((part) => part !== '')
    .join('  ')
}
