import { isDeepStrictEqual } from 'node:util'
import { type Kysely, sql } from 'kysely'
import { connect, databaseError, type OwnTables, type Patience } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { refuseConflict, revisionOf } from './conflict.ts'
import type { Configuration, HistoryEntry, StoredValues } from './stored.ts'

/**
 * The stored configurations. Every method that changes something is one transaction, and PostgreSQL itself writes the
 * history and tells the service.
 */
export class ConfigurationStore {
  readonly #kysely: Kysely<OwnTables>
  readonly #who: string

  private constructor(kysely: Kysely<OwnTables>, who: string) {
    this.#kysely = kysely
    this.#who = who
  }

  /**
   * Opens the store for one piece of work.
   *
   * @param who stands in the history
   * @param patience how long PostgreSQL may take
   * @throws AppError NEMO_MQTT_ERR_SCHEMA_MISSING, _RIGHTS or _DATABASE, and what the work throws
   */
  static async use<T>(
    url: string,
    who: string,
    work: (store: ConfigurationStore) => Promise<T>,
    patience?: Patience,
  ): Promise<T> {
    const database = await connect(url, undefined, patience)
    try {
      const { rows } = await database.pool.query<{ isThere: boolean }>(
        `select to_regclass('nemo_mqtt.configuration') is not null as "isThere"`,
      )
      if (rows[0]?.isThere !== true) {
        throw new AppError('NEMO_MQTT_ERR_SCHEMA_MISSING', 'this database has no place for configurations', {
          hint: 'nemo-mqtt migrate',
        })
      }
      return await work(new ConfigurationStore(database.kysely, who))
    } catch (error) {
      throw databaseError(error)
    } finally {
      await database.close()
    }
  }

  /** All of them, by name. */
  async list(): Promise<Configuration[]> {
    return await listFrom(this.#kysely)
  }

  /** One of them. @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name */
  async get(name: string): Promise<Configuration> {
    return named(name, await this.list())
  }

  /** What somebody has seen of a configuration who looks now, for {@link ConfigurationStore.edit}. */
  async revision(name: string): Promise<string> {
    return await revisionOf(this.#kysely, name)
  }

  /** Whether any was ever enabled: from then on one must be. */
  async isInUse(): Promise<boolean> {
    const { rows } = await sql`
      select from nemo_mqtt.configuration_history
       where before -> 'enabled' = 'true' or after -> 'enabled' = 'true' limit 1`.execute(this.#kysely)
    return rows.length > 0
  }

  /** Adds some, not enabled. @throws AppError NEMO_MQTT_ERR_CONFIG when a name is taken or cannot be used */
  async create(added: readonly Pick<Configuration, 'name' | 'settings'>[]): Promise<void> {
    for (const { name } of added) {
      if (isName(name)) continue
      throw new AppError('NEMO_MQTT_ERR_CONFIG', `${JSON.stringify(name)} cannot be the name of a configuration`, {
        hint: 'letters, digits, spaces, dots, hyphens and underscores, a letter or digit first, 100 at most',
      })
    }
    await this.#change(async (transaction, all) => {
      for (const { name, settings } of added) {
        if (all.some((one) => one.name === name)) throw taken(name)
        await insert(transaction, name, settings)
      }
    })
  }

  /**
   * Changes the settings of one: `edit` gets the configuration that is stored, and gives the settings that are to be.
   * Nobody else changes it, or enables it, in between.
   *
   * @param seen the {@link ConfigurationStore.revision} that the change was made from, where that matters
   * @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name, and what `edit` throws; ConflictError when
   *   somebody else has changed it since it was seen
   */
  async edit(name: string, edit: (found: Configuration) => StoredValues, seen?: string): Promise<void> {
    await this.#change(async (transaction, all) => {
      const found = named(name, all)
      if (seen !== undefined) await refuseConflict(transaction, found, seen)
      await update(transaction, name, edit(found))
    })
  }

  /**
   * Enables one and disables the other.
   *
   * @param check throws when this one must not be enabled
   * @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name, and what `check` throws
   */
  async enable(name: string, check: (found: Configuration) => void): Promise<void> {
    await this.#change(async (transaction, all) => {
      check(named(name, all))
      const set = (enabled: boolean, operator: '=' | '<>') =>
        transaction
          .updateTable('nemo_mqtt.configuration')
          .set({ enabled, updated_at: sql`now()` })
          .where('name', operator, name)
          .where('enabled', '<>', enabled)
          .execute()
      await set(false, '<>')
      await set(true, '=')
    })
  }

  /**
   * Deletes one.
   *
   * @param check throws when this one must not be deleted
   * @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name, and what `check` throws
   */
  async delete(name: string, check: (found: Configuration) => void): Promise<void> {
    await this.#change(async (transaction, all) => {
      check(named(name, all))
      await transaction.deleteFrom('nemo_mqtt.configuration').where('name', '=', name).execute()
    })
  }

  /** The changes, newest first; those of one configuration where a name is given. */
  async history(limit: number, name?: string): Promise<HistoryEntry[]> {
    return await historyFrom(this.#kysely, limit, name)
  }

  /**
   * Takes a change back: the configuration is then what it was before it, later changes of it included, and enabled or
   * not as it is now. Itself a change, so that it can be taken back too.
   *
   * @param id the newest change when undefined
   * @param check throws when the configuration must not become this
   * @throws AppError NEMO_MQTT_ERR_CONFIG when there is no such change, or it cannot be taken back; and what `check` throws
   */
  async undo(id: string | undefined, check: (wanted: Configuration) => void): Promise<HistoryEntry> {
    return await this.#change(async (transaction, all) => {
      const entry = await entryOf(transaction, id)
      const { before, after } = entry
      const now = all.find(({ name }) => name === (after ?? before)?.name)
      if (before === null) {
        if (now?.enabled === true) throw isEnabled(now.name)
        if (now === undefined) throw goneBy(entry)
        await transaction.deleteFrom('nemo_mqtt.configuration').where('name', '=', now.name).execute()
        return entry
      }
      if (after !== null && before.name === after.name && isDeepStrictEqual(before.settings, after.settings)) {
        throw await onlyEnabling(transaction, entry)
      }
      if (now === undefined && after !== null) throw goneBy(entry)
      if (before.name !== now?.name && all.some(({ name }) => name === before.name)) throw taken(before.name)
      check({ ...before, enabled: now?.enabled === true })
      if (now === undefined) await insert(transaction, before.name, before.settings)
      else await update(transaction, now.name, before.settings, before.name)
      return entry
    })
  }

  // One change at a time, of whichever configuration: what is checked holds until it is written.
  async #change<T>(work: (transaction: Kysely<OwnTables>, all: Configuration[]) => Promise<T>): Promise<T> {
    return await this.#kysely.transaction().execute(async (transaction) => {
      await sql`select set_config('nemo_mqtt.who', ${this.#who}, true)`.execute(transaction)
      await sql`set local lock_timeout = '10s'`.execute(transaction)
      await sql`lock table nemo_mqtt.configuration in share row exclusive mode`.execute(transaction)
      return await work(transaction, await listFrom(transaction))
    })
  }
}

/** Whether a configuration can have this name. */
export function isName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/.test(name)
}

async function listFrom(kysely: Kysely<OwnTables>): Promise<Configuration[]> {
  const rows = await kysely.selectFrom('nemo_mqtt.configuration').selectAll().orderBy('name').execute()
  return rows.map(({ name, enabled, settings }) => ({ name, enabled, settings: settings as StoredValues }))
}

async function historyFrom(kysely: Kysely<OwnTables>, limit: number, name?: string): Promise<HistoryEntry[]> {
  const all = kysely.selectFrom('nemo_mqtt.configuration_history').selectAll().orderBy('id', 'desc').limit(limit)
  const rows = await (name === undefined ? all : all.where('name', '=', name)).execute()
  return rows.map((row) => row as HistoryEntry)
}

async function insert(transaction: Kysely<OwnTables>, name: string, settings: StoredValues): Promise<void> {
  const values = { name, settings: JSON.stringify(settings) }
  await transaction.insertInto('nemo_mqtt.configuration').values(values).execute()
}

async function update(
  transaction: Kysely<OwnTables>,
  name: string,
  settings: StoredValues,
  newName = name,
): Promise<void> {
  await transaction
    .updateTable('nemo_mqtt.configuration')
    .set({ name: newName, settings: JSON.stringify(settings), updated_at: sql`now()` })
    .where('name', '=', name)
    .execute()
}

async function entryOf(transaction: Kysely<OwnTables>, id: string | undefined): Promise<HistoryEntry> {
  const all = transaction.selectFrom('nemo_mqtt.configuration_history').selectAll()
  const entry = await (id === undefined ? all.orderBy('id', 'desc') : all.where('id', '=', id))
    .limit(1)
    .executeTakeFirst()
  if (entry !== undefined) return entry as HistoryEntry
  const what = id === undefined ? 'is empty' : `has no change ${id}`
  throw new AppError('NEMO_MQTT_ERR_CONFIG', `the history ${what}`, { hint: 'nemo-mqtt config history lists it' })
}

/** Which one is enabled is no matter of taking back: one must be, and its settings may be others by now. */
async function onlyEnabling(transaction: Kysely<OwnTables>, { id, name }: HistoryEntry): Promise<AppError> {
  const earlier = await sql<{ name: string }>`
    select name from nemo_mqtt.configuration_history
     where id <= ${id} and before -> 'enabled' = 'true' and (after is null or after -> 'enabled' = 'false')
     order by id desc limit 1`.execute(transaction)
  const before = earlier.rows[0]?.name
  return new AppError('NEMO_MQTT_ERR_CONFIG', `change ${id} only enabled or disabled "${name}"`, {
    hint: `enable the one that is to be: nemo-mqtt config enable ${before === undefined ? 'NAME' : JSON.stringify(before)}`,
  })
}

function isEnabled(name: string): AppError {
  return new AppError('NEMO_MQTT_ERR_CONFIG', `"${name}" is enabled: to take back its creation is to delete it`, {
    hint: `enable another one first, or nemo-mqtt config delete "${name}"`,
  })
}

function goneBy({ id, name }: HistoryEntry): AppError {
  return new AppError('NEMO_MQTT_ERR_CONFIG', `change ${id} is of "${name}", which is not there any more`, {
    hint: 'take back its deletion first: nemo-mqtt config history',
  })
}

function taken(name: string): AppError {
  return new AppError('NEMO_MQTT_ERR_CONFIG', `there is a configuration "${name}" already`, {
    hint: 'choose another name, or change that one: nemo-mqtt config set',
  })
}

function named(name: string, all: readonly Configuration[]): Configuration {
  const found = all.find((one) => one.name === name)
  if (found === undefined) throw noSuch(name, all)
  return found
}

function noSuch(name: string, all: readonly Configuration[]): AppError {
  const names = all.map((one) => `"${one.name}"`).join(', ')
  return new AppError('NEMO_MQTT_ERR_CONFIG', `there is no configuration "${name}"`, {
    hint: names === '' ? 'nemo-mqtt config create NAME' : `there are ${names}`,
  })
}
