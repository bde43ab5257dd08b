import type { CommandModule } from 'yargs'
import { choiceOf } from '../../choose/choice.ts'
import { type PreviewedMessage, previewOf, type RecentMessage } from '../../choose/preview.ts'
import { sampleMessages } from '../../choose/samples.ts'
import { publishedEvent } from '../../choose/standard-event.ts'
import { redisSettings } from '../../config/environment.ts'
import { resolveStored } from '../../config/in-force.ts'
import type { Settings } from '../../config/settings.ts'
import { toolCategories } from '../../db/categories.ts'
import { AppError } from '../../errors.ts'
import { readMonitor } from '../../queue/monitored.ts'
import { visitRedis } from '../../queue/visit.ts'
import { printLine, printNote } from '../terminal.ts'
import { type Output, printJson, shown, withStore } from './session.ts'
import { wanted } from './show.ts'

/** What can be given to `nemo-mqtt config preview`. */
export interface PreviewArguments {
  name?: string | undefined
  limit?: number | undefined
  json?: boolean | undefined
}

/** So many messages are shown, the newest. */
const SHOWN = 20

/**
 * Shows what a configuration, or the one in force, would make of the messages that were delivered last; of one sample of
 * each kind when there are none.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is no such configuration or it cannot be used, naming every problem
 */
export async function previewConfiguration(
  given: PreviewArguments,
  variables: NodeJS.ProcessEnv,
  output: Output,
): Promise<number> {
  const { limit = SHOWN } = given
  if (!Number.isInteger(limit) || limit < 1) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', '--limit is a number, 1 at least')
  }
  const { settings, databaseUrl } = await withStore(variables, async (session) => {
    const isEmpty = given.name === undefined && (await session.store.history(1)).length === 0
    const configuration = isEmpty ? undefined : await wanted(session, given.name)
    return { settings: resolveStored(session.environment, configuration), databaseUrl: session.databaseUrl }
  })
  const recent = await lastMessages(variables, limit, output)
  const { messages } = previewOf(settings, recent, await categories(settings, databaseUrl, output))
  if (given.json === true) printJson(output.print, messages)
  else for (const [index, message] of messages.entries()) tell(message, recent[index], output)
  return 0
}

/** `nemo-mqtt config preview`. */
export const previewCommand: CommandModule<object, PreviewArguments> = {
  command: 'preview [name]',
  describe: 'what a configuration, or the one in force, would make of the last messages: sent or not, topic, payload',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', describe: 'of a configuration' })
      .option('limit', { type: 'number', default: SHOWN, describe: 'the newest so many' })
      .option('json', { type: 'boolean', describe: 'as JSON' }),
  handler: async (given) => {
    process.exitCode = await previewConfiguration(given, process.env, { print: printLine, note: printNote })
  },
}

async function lastMessages(variables: NodeJS.ProcessEnv, limit: number, { note }: Output): Promise<RecentMessage[]> {
  try {
    const delivered = await visitRedis(redisSettings(variables), readMonitor)
    // What was told in the plugin's words has lost what other words would need.
    const messages = delivered.filter(({ origin, payload }) => origin === null || publishedEvent(payload) !== undefined)
    const lost = delivered.length - messages.length
    if (lost > 0)
      note(`${lost} messages were sent in the plugin’s dialect, of which no other can be made; they are not shown`)
    if (messages.length > 0) return messages.slice(-limit)
    note('nothing was delivered lately; these are samples')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    note(`${error.message}; these are samples`)
  }
  return sampleMessages()
}

async function categories(
  settings: Settings,
  databaseUrl: string,
  { note }: Output,
): Promise<Map<string, string | null>> {
  if (!choiceOf(settings).needsCategories) return new Map()
  try {
    return await toolCategories(databaseUrl)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    note(`the categories of tools cannot be read: ${error.message}`)
    return new Map()
  }
}

function tell(
  { isSent, why, topic, payload, doubt }: PreviewedMessage,
  was: RecentMessage | undefined,
  { print }: Output,
) {
  const before = was === undefined ? '' : shown(was.topic)
  if (!isSent) print(`left out  ${before}\n          ${why}`)
  else print(`sent      ${topic === was?.topic ? before : `${before} -> ${shown(topic)}`}\n          ${payload}`)
  if (doubt !== null) print(`          (${doubt})`)
}
