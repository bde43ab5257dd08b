import { type Kysely, sql } from 'kysely'
import { connect, databaseError, type OwnTables } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Configuration, StoredValues } from './stored.ts'

/** One change of a configuration. */
export interface HistoryEntry {
  /** Digits of a bigint. */
  readonly id: string
  readonly at: Date
  readonly who: string
  readonly name: string
  /** Null when it was created. */
  readonly before: Configuration | null
  /** Null when it was deleted. */
  readonly after: Configuration | null
}

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
   * @throws AppError NEMO_MQTT_ERR_SCHEMA_MISSING, _RIGHTS or _DATABASE, and what the work throws
   */
  static async use<T>(url: string, who: string, work: (store: ConfigurationStore) => Promise<T>): Promise<T> {
    const database = await connect(url)
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
    const rows = await this.#kysely.selectFrom('nemo_mqtt.configuration').selectAll().orderBy('name').execute()
    return rows.map(({ name, enabled, settings }) => ({ name, enabled, settings: settings as StoredValues }))
  }

  /** One of them. @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name */
  async get(name: string): Promise<Configuration> {
    const all = await this.list()
    const found = all.find((one) => one.name === name)
    if (found === undefined) throw noSuch(name, all)
    return found
  }

  /** Adds one, not enabled. @throws AppError NEMO_MQTT_ERR_CONFIG when the name is taken or cannot be used */
  async create(name: string, settings: StoredValues): Promise<void> {
    if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/.test(name)) {
      throw new AppError('NEMO_MQTT_ERR_CONFIG', `"${name}" cannot be the name of a configuration`, {
        hint: 'letters, digits, spaces, dots, hyphens and underscores, a letter or digit first, 100 at most',
      })
    }
    const made = await this.#change((transaction) =>
      transaction
        .insertInto('nemo_mqtt.configuration')
        .values({ name, settings: JSON.stringify(settings) })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst(),
    )
    if (made.numInsertedOrUpdatedRows === 1n) return
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `there is a configuration "${name}" already`, {
      hint: 'choose another name, or change that one: nemo-mqtt config set',
    })
  }

  /**
   * Changes the settings of one: `edit` gets those that are stored, and gives those that are to be. Nobody else
   * changes them in between.
   *
   * @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name, and what `edit` throws
   */
  async edit(name: string, edit: (settings: StoredValues) => StoredValues): Promise<void> {
    await this.#change(async (transaction) => {
      const found = await transaction
        .selectFrom('nemo_mqtt.configuration')
        .select('settings')
        .where('name', '=', name)
        .forUpdate()
        .executeTakeFirst()
      if (found === undefined) throw noSuch(name, await this.list())
      await transaction
        .updateTable('nemo_mqtt.configuration')
        .set({ settings: JSON.stringify(edit(found.settings as StoredValues)), updated_at: sql`now()` })
        .where('name', '=', name)
        .execute()
    })
  }

  /** Enables one and disables the other. @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name */
  async enable(name: string): Promise<void> {
    await this.#change(async (transaction) => {
      await sql`lock table nemo_mqtt.configuration in share row exclusive mode`.execute(transaction)
      const all = await this.list()
      if (all.every((one) => one.name !== name)) throw noSuch(name, all)
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

  /** Deletes one. @throws AppError NEMO_MQTT_ERR_CONFIG when there is none of this name */
  async delete(name: string): Promise<void> {
    const { numDeletedRows } = await this.#change((transaction) =>
      transaction.deleteFrom('nemo_mqtt.configuration').where('name', '=', name).executeTakeFirst(),
    )
    if (numDeletedRows === 0n) throw noSuch(name, await this.list())
  }

  /** The changes, newest first. */
  async history(limit: number): Promise<HistoryEntry[]> {
    const rows = await this.#kysely
      .selectFrom('nemo_mqtt.configuration_history')
      .selectAll()
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
    return rows.map((row) => row as HistoryEntry)
  }

  /**
   * Takes a change back: the configuration is then what it was before it, enabled or not as it is now. Itself a change,
   * so that it can be taken back too.
   *
   * @throws AppError NEMO_MQTT_ERR_CONFIG when there is no such change
   */
  async undo(id: string): Promise<HistoryEntry> {
    return await this.#change(async (transaction) => {
      const entry = (await transaction
        .selectFrom('nemo_mqtt.configuration_history')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()) as HistoryEntry | undefined
      if (entry === undefined) {
        throw new AppError('NEMO_MQTT_ERR_CONFIG', `the history has no change ${id}`, {
          hint: 'nemo-mqtt config history lists them',
        })
      }
      const { name, before } = entry
      if (before === null) {
        await transaction.deleteFrom('nemo_mqtt.configuration').where('name', '=', name).execute()
        return entry
      }
      const settings = JSON.stringify(before.settings)
      await transaction
        .insertInto('nemo_mqtt.configuration')
        .values({ name, settings })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ settings, updated_at: sql`now()` }))
        .execute()
      return entry
    })
  }

  async #change<T>(work: (transaction: Kysely<OwnTables>) => Promise<T>): Promise<T> {
    return await this.#kysely.transaction().execute(async (transaction) => {
      await sql`select set_config('nemo_mqtt.who', ${this.#who}, true)`.execute(transaction)
      return await work(transaction)
    })
  }
}

function noSuch(name: string, all: readonly Configuration[]): AppError {
  const names = all.map((one) => `"${one.name}"`).join(', ')
  return new AppError('NEMO_MQTT_ERR_CONFIG', `there is no configuration "${name}"`, {
    hint: names === '' ? 'nemo-mqtt config create NAME' : `there are ${names}`,
  })
}
