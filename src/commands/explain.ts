import type { CommandModule } from 'yargs'
import { type Fate, fatesOf, noiseOf } from '../archive/fate.ts'
import { subjectOf } from '../archive/record.ts'
import { CHOICE_DEFAULTS } from '../choose/choice-settings.ts'
import { databaseUrl, redisSettings } from '../config/environment.ts'
import { settingsInForce } from '../config/in-force.ts'
import type { Settings } from '../config/settings.ts'
import { connect, databaseError } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { MAPPED_TABLES } from '../map/index.ts'
import { peekOrigin } from '../queue/entry.ts'
import { KEYS } from '../queue/keys.ts'
import { readParked } from '../queue/parked.ts'
import { visitRedis } from '../queue/visit.ts'
import { type Print, printLine, printNote } from './terminal.ts'

/** What can be given to `nemo-mqtt explain`. */
export interface ExplainArguments {
  table: string
  id: string
  limit: number
  json?: boolean | undefined
}

/** Other names of tables than their own without `NEMO_`. */
const ALIASES: Readonly<Record<string, string>> = {
  usage: 'NEMO_usageevent',
  access: 'NEMO_areaaccessrecord',
  outage: 'NEMO_scheduledoutage',
  wait_list: 'NEMO_toolwaitlist',
  withdrawal: 'NEMO_consumablewithdraw',
}

/**
 * Shows the last changes of a row and what became of each.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG, _DATABASE, _RIGHTS
 */
export async function explain(
  given: ExplainArguments,
  environment: NodeJS.ProcessEnv,
  print: Print,
  note: Print,
): Promise<number> {
  const table = tableOf(given.table)
  const { id: row, limit } = given
  if (!/^\d{1,19}$/.test(row)) throw new AppError('NEMO_MQTT_ERR_CONFIG', `"${row}" is no id of a row`)
  if (!Number.isInteger(limit) || limit < 1)
    throw new AppError('NEMO_MQTT_ERR_CONFIG', '--limit is a number, 1 at least')
  const settings = await settingsOrNote(environment, note)
  const database = await connect(databaseUrl(environment))
  let fates: Fate[]
  let noise: readonly string[]
  try {
    const choice = settings ?? { ...CHOICE_DEFAULTS, topic_prefix: '{prefix}' }
    fates = await fatesOf(database.pool, { table, row, limit, settings: choice })
    noise = await noiseOf(database.pool, table)
  } catch (error) {
    throw databaseError(error)
  } finally {
    await database.close()
  }
  const shown = [...(await withPlaces(fates, environment, note)), ...(await parkedOf(table, row, fates, environment))]
  for (const fate of shown) print(given.json === true ? JSON.stringify(fate) : lineOf(fate))
  if (shown.length === 0) note(`nothing is known of ${table} ${row}`)
  if (settings?.log_messages === false) {
    note('the message log is off (NEMO_MQTT_LOG_MESSAGES), so only what waits, is parked or was set aside is known')
  }
  if (noise.length > 0) note(`never captured, because no event tells them: ${noise.join(', ')}`)
  return 0
}

/** `nemo-mqtt explain`. */
export const explainCommand: CommandModule<object, ExplainArguments> = {
  command: 'explain <table> <id>',
  describe: 'what became of the last changes of a row of NEMO: NEMO_tool 7, or tool 7',
  builder: (yargs) =>
    yargs
      .positional('table', { type: 'string', demandOption: true, describe: 'NEMO_tool, tool, usage, task, ...' })
      .positional('id', { type: 'string', demandOption: true, describe: 'id of the row' })
      .option('limit', { type: 'number', default: 20, describe: 'the newest so many' })
      .option('json', { type: 'boolean', describe: 'as JSON, one a line' }),
  handler: async (given) => {
    process.exitCode = await explain(given, process.env, printLine, printNote)
  },
}

function tableOf(name: string): string {
  const word = name.toLowerCase().replace(/^nemo_/, '')
  const table = ALIASES[word] ?? MAPPED_TABLES.find((known) => known.toLowerCase() === `nemo_${word}`)
  if (table !== undefined) return table
  throw new AppError('NEMO_MQTT_ERR_CONFIG', `no changes of "${name}" are captured`, {
    hint: `the tables are ${MAPPED_TABLES.join(', ')}`,
  })
}

async function settingsOrNote(environment: NodeJS.ProcessEnv, note: Print): Promise<Settings | undefined> {
  try {
    return await settingsInForce(environment)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    note(`the settings are not usable: ${error.message}`)
    return undefined
  }
}

/** Says of what waits in the change log whether it is in Redis already. */
async function withPlaces(fates: readonly Fate[], environment: NodeJS.ProcessEnv, note: Print): Promise<Fate[]> {
  if (fates.every(({ state }) => state !== 'waiting')) return [...fates]
  try {
    const places = await visitRedis(redisSettings(environment), async (redis) => {
      const changesIn = async (key: string): Promise<Set<string | undefined>> =>
        new Set((await redis.lrange(key, 0, -1)).map((text) => peekOrigin(text)?.change))
      return { queue: await changesIn(KEYS.queue), inFlight: await changesIn(KEYS.inFlight) }
    })
    return fates.map((fate) => {
      if (fate.state !== 'waiting' || fate.change === null) return fate
      if (places.inFlight.has(fate.change)) return { ...fate, what: `${fate.what} (in flight to the broker)` }
      return places.queue.has(fate.change) ? { ...fate, what: `${fate.what} (in the Redis list)` } : fate
    })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    note(error.message)
    return [...fates]
  }
}

/** What is parked of a row and does not stand in the message log. */
async function parkedOf(
  table: string,
  row: string,
  fates: readonly Fate[],
  environment: NodeJS.ProcessEnv,
): Promise<Fate[]> {
  const logged = new Set(fates.filter(({ state }) => state === 'parked').map(({ change }) => change))
  const messages = await visitRedis(redisSettings(environment), readParked).catch((error: unknown) => {
    if (error instanceof AppError) return [] // Redis is away
    throw error
  })
  return messages.flatMap(({ entry, number, reason, time }): Fate[] => {
    if (entry === null) return []
    const subject = subjectOf(entry.payload)
    if (subject.table !== table || subject.row !== row || logged.has(subject.change)) return []
    const what = `${subject.event} on ${entry.topic}: ${reason} (nemo-mqtt parked show ${number})`
    return [{ at: time, change: subject.change, state: 'parked', what }]
  })
}

function lineOf({ at, change, state, what }: Fate): string {
  return `${at}  change ${(change ?? '?').padEnd(8)} ${state.padEnd(9)}  ${what}`
}
