import { randomUUID } from 'node:crypto'
import type { CommandModule } from 'yargs'
import { feed } from '../again/feed.ts'
import { snapshotEntries } from '../again/snapshot.ts'
import { databaseUrl } from '../config/environment.ts'
import { settingsInForce } from '../config/in-force.ts'
import { connect, databaseError } from '../db/database.ts'
import { visitRedis } from '../queue/visit.ts'
import { untilInterrupted } from '../shutdown.ts'
import { laboratoryState } from '../state/laboratory-state.ts'
import { StateReader } from '../state/state-reader.ts'
import { rateOption, ratePerSecond } from './rate.ts'
import { type Print, printLine, printNote } from './terminal.ts'

/** What can be given to `nemo-mqtt backfill`. */
export interface BackfillArguments {
  rate: number
}

/**
 * Publishes how every tool and area is, through the service, for subscribers that begin.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG, _DATABASE, _REDIS
 */
export async function backfill(
  given: BackfillArguments,
  environment: NodeJS.ProcessEnv,
  print: Print,
  note: Print,
  signal: AbortSignal,
): Promise<number> {
  const rate = ratePerSecond(given.rate)
  const settings = await settingsInForce(environment)
  const database = await connect(databaseUrl(environment))
  try {
    const read = await new StateReader(database.pool).read('everywhere')
    const state = laboratoryState(read, settings.user_name_format)
    if (state.problem !== null) note(state.problem)
    const id = `snapshot-${randomUUID()}`
    const count = await visitRedis(settings, (redis) =>
      feed(redis, each(snapshotEntries(state, settings, id)), rate, signal),
    )
    print(`${count} published: ${state.tools.length} tools, ${state.areas.length} areas`)
    return 0
  } catch (error) {
    throw databaseError(error)
  } finally {
    await database.close()
  }
}

/** `nemo-mqtt backfill`. */
export const backfillCommand: CommandModule<object, BackfillArguments> = {
  command: 'backfill',
  describe: 'publish how every tool and area is now, marked as snapshot',
  builder: { rate: rateOption },
  handler: async (given) => {
    process.exitCode = await backfill(given, process.env, printLine, printNote, untilInterrupted())
  },
}

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items
}
