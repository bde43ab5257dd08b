import type { CommandModule } from 'yargs'
import { feed } from '../again/feed.ts'
import { replayedEntries } from '../again/replay.ts'
import { databaseUrl } from '../config/environment.ts'
import { settingsInForce } from '../config/in-force.ts'
import { connect, databaseError } from '../db/database.ts'
import { visitRedis } from '../queue/visit.ts'
import { untilInterrupted } from '../shutdown.ts'
import { noteIfOff, SEARCH_OPTIONS, type SearchArguments, searchOf } from './log.ts'
import { rateOption, ratePerSecond } from './rate.ts'
import { type Print, printLine, printNote } from './terminal.ts'

/** What can be given to `nemo-mqtt replay`. */
export interface ReplayArguments extends SearchArguments {
  since: string
  rate: number
}

/**
 * Publishes messages of the message log once more, through the service, in their old order and under their old
 * `event_id`.
 *
 * @returns the exit code: 1 when there was nothing
 * @throws AppError NEMO_MQTT_ERR_CONFIG, _DATABASE, _REDIS
 */
export async function replay(
  given: ReplayArguments,
  environment: NodeJS.ProcessEnv,
  print: Print,
  note: Print,
  signal: AbortSignal,
): Promise<number> {
  const rate = ratePerSecond(given.rate)
  const search = searchOf(given)
  const settings = await settingsInForce(environment)
  const database = await connect(databaseUrl(environment))
  try {
    const count = await visitRedis(settings, (redis) =>
      feed(redis, replayedEntries(database.pool, search, settings.privacy), rate, signal),
    )
    print(`${count} published again`)
    if (count === 0) await noteIfOff(environment, note)
    return count === 0 ? 1 : 0
  } catch (error) {
    throw databaseError(error)
  } finally {
    await database.close()
  }
}

/** `nemo-mqtt replay`. */
export const replayCommand: CommandModule<object, ReplayArguments> = {
  command: 'replay',
  describe: 'publish messages of the message log once more, under their old event_id',
  builder: { ...SEARCH_OPTIONS, since: { ...SEARCH_OPTIONS.since, demandOption: true }, rate: rateOption },
  handler: async (given) => {
    process.exitCode = await replay(given, process.env, printLine, printNote, untilInterrupted())
  },
}
