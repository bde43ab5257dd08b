import { connect, type Database, databaseError } from './database.ts'
import type { Drift } from './drift.ts'
import { findDrift, findNotices } from './find-drift.ts'
import { recordedMigrations } from './migrate.ts'
import { findNemo, type Nemo } from './nemo.ts'
import { migrationFiles } from './sql-files.ts'

/** What is in NEMO's database, and what is wrong with it. */
export interface DatabaseState {
  readonly nemo: Nemo
  readonly applied: readonly string[]
  readonly pending: readonly string[]
  readonly installation: string | null
  /** The watched tables; `isCaptured` when every trigger of the table is as it should be. */
  readonly tables: readonly { readonly table: string; readonly isCaptured: boolean }[]
  readonly log: {
    readonly depth: number
    /** Age of the oldest change that was not delivered, in seconds; null when there is none. */
    readonly oldestSeconds: number | null
  }
  readonly unmapped: {
    readonly count: number
    readonly newest: readonly { readonly id: string; readonly table: string; readonly reason: string }[]
  }
  readonly drift: readonly Drift[]
  readonly notices: readonly string[]
}

const NOTHING = {
  installation: null,
  tables: [],
  log: { depth: 0, oldestSeconds: null },
  unmapped: { count: 0, newest: [] },
}

/**
 * Reads the state of NEMO's database. The rights of the service suffice.
 *
 * @throws AppError NEMO_MQTT_ERR_NOT_NEMO, _RIGHTS or _DATABASE
 */
export async function readState(url: string): Promise<DatabaseState> {
  const database = await connect(url)
  try {
    const { pool } = database
    const drift = await findDrift(pool)
    const applied = await recordedMigrations(database)
    const isComplete = drift.every(({ code }) => code !== 'schema_missing' && code !== 'log_missing')
    return {
      nemo: await findNemo(pool),
      applied,
      pending: migrationFiles()
        .map(({ name }) => name)
        .filter((name) => !applied.includes(name)),
      ...(isComplete ? await readTables(database, drift) : NOTHING),
      drift,
      notices: await findNotices(pool),
    }
  } catch (error) {
    throw databaseError(error)
  } finally {
    await database.close()
  }
}

async function readTables(
  { kysely }: Database,
  drift: readonly Drift[],
): Promise<Pick<DatabaseState, 'installation' | 'tables' | 'log' | 'unmapped'>> {
  const installation = await kysely.selectFrom('nemo_mqtt.installation').select('id').executeTakeFirst()
  const watched = await kysely.selectFrom('nemo_mqtt.watched_table').select('tbl').orderBy('tbl').execute()
  const oldest = await kysely.selectFrom('nemo_mqtt.change_log').select('at').orderBy('id').limit(1).executeTakeFirst()
  const log = await kysely
    .selectFrom('nemo_mqtt.change_log')
    .select(({ fn }) => fn.countAll<string>().as('depth'))
    .executeTakeFirstOrThrow()
  const unmapped = await kysely
    .selectFrom('nemo_mqtt.unmapped')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow()
  const newest = await kysely
    .selectFrom('nemo_mqtt.unmapped')
    .select(['id', 'tbl as table', 'reason'])
    .orderBy('set_aside_at', 'desc')
    .orderBy('id', 'desc')
    .limit(5)
    .execute()
  return {
    installation: installation?.id ?? null,
    tables: watched.map(({ tbl: table }) => ({ table, isCaptured: drift.every((one) => isHarmless(one, table)) })),
    log: {
      depth: Number(log.depth),
      // The clock of this machine against that of the server: a second more or less is no news here.
      oldestSeconds: oldest === undefined ? null : Math.max(0, Math.round((Date.now() - oldest.at.getTime()) / 1_000)),
    },
    unmapped: { count: Number(unmapped.count), newest },
  }
}

// Without the function, or paused, no table is captured, whatever its triggers look like.
function isHarmless({ code, table }: Drift, ofTable: string): boolean {
  if (table === undefined) return code === 'function_changed'
  return table !== ofTable || code === 'column_missing'
}
