import type { Kysely } from 'kysely'
import type { OwnTables } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { changesOf, type SettingChange } from './difference.ts'
import type { Configuration, HistoryEntry, StoredValues } from './stored.ts'

/** Changes that are looked at; whoever was away for more is told of the first ones. */
const MOST_ENTRIES = 100

/** Thrown when somebody else has changed a configuration since it was looked at. */
export class ConflictError extends AppError {
  /** What is different now. */
  readonly changes: readonly SettingChange[]
  /** Who did it, and when the last time. */
  readonly by: ReadonlyArray<{ readonly who: string; readonly at: Date }>

  constructor(name: string, changes: readonly SettingChange[], entries: readonly HistoryEntry[]) {
    super('NEMO_MQTT_ERR_CONFIG', `"${name}" was changed meanwhile, so nothing was saved`, {
      hint: 'look at what is different now, then save again or drop your changes',
    })
    this.changes = changes
    this.by = [...new Map(entries.map(({ who, at }) => [who, { who, at }])).values()]
  }
}

/** Number of the newest change of a configuration: what somebody has seen who looks now. `0` before the first one. */
export async function revisionOf(kysely: Kysely<OwnTables>, name: string): Promise<string> {
  const newest = await kysely
    .selectFrom('nemo_mqtt.configuration_history')
    .select('id')
    .where('name', '=', name)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return newest?.id ?? '0'
}

/**
 * Makes sure that the settings of a configuration are those that somebody has seen; enabling it changes none.
 *
 * @throws ConflictError
 */
export async function refuseConflict(
  kysely: Kysely<OwnTables>,
  { name, settings }: Configuration,
  seen: string,
): Promise<void> {
  const rows = await kysely
    .selectFrom('nemo_mqtt.configuration_history')
    .selectAll()
    .where('name', '=', name)
    .where('id', '>', seen)
    .orderBy('id')
    .limit(MOST_ENTRIES)
    .execute()
  const entries = rows.map((row) => row as HistoryEntry)
  const [first] = entries
  if (first === undefined) return
  const before: StoredValues = first.before?.settings ?? {}
  const changes = changesOf(before, settings)
  if (changes.length > 0 || first.before === null) throw new ConflictError(name, changes, entries)
}
