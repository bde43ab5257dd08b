import { codeOf } from '../errors.ts'
import { type Patience, whileBusy } from './busy.ts'
import { connect, type Database, databaseError } from './database.ts'
import { uninstallSql } from './sql-files.ts'

/** What is lost when our schema goes. */
export interface Remainder {
  readonly isInstalled: boolean
  /** Changes that no subscriber has seen. */
  readonly undelivered: number
  /** Changes that were set aside because nothing could be made of them. */
  readonly unmapped: number
}

/** What {@link uninstall} is to do. */
export interface UninstallOptions {
  readonly url: string
  readonly print: (line: string) => void
  /** Asked before anything is removed; false leaves everything as it is. */
  readonly confirm: (remainder: Remainder) => Promise<boolean>
  readonly patience?: Patience | undefined
}

/**
 * Removes every trace of ours from NEMO's database: triggers, schema, rights and the roles that we made.
 *
 * @returns whether anything was removed
 * @throws AppError NEMO_MQTT_ERR_RIGHTS, _TABLE_BUSY or _DATABASE
 */
export async function uninstall({ url, print, confirm, patience }: UninstallOptions): Promise<boolean> {
  const database = await connect(url, (notice) => print(notice.message ?? ''))
  try {
    const remainder = await readRemainder(database)
    if (!remainder.isInstalled) {
      print('nemo-mqtt is not installed in this database: nothing to remove')
      return false
    }
    if (!(await confirm(remainder))) return false
    await dropTriggers(database, print, patience)
    await whileBusy('schema nemo_mqtt', print, () => database.pool.query(uninstallSql()), patience)
    print('removed: every trigger, the schema nemo_mqtt and every right that was granted')
    return true
  } catch (error) {
    throw databaseError(error)
  } finally {
    await database.close()
  }
}

/** What would be lost now. */
async function readRemainder({ pool }: Database): Promise<Remainder> {
  const { rows } = await pool.query<{ schema: boolean; log: boolean; unmapped: boolean }>(
    `select to_regnamespace('nemo_mqtt') is not null as schema, to_regclass('nemo_mqtt.change_log') is not null as log,
            to_regclass('nemo_mqtt.unmapped') is not null as unmapped`,
  )
  const [there] = rows
  const count = async (table: string, isThere: boolean | undefined): Promise<number> => {
    if (isThere !== true) return 0
    const counted = await pool.query<{ count: string }>(`select count(*) from nemo_mqtt.${table}`)
    return Number(counted.rows[0]?.count)
  }
  return {
    isInstalled: there?.schema === true,
    undelivered: await count('change_log', there?.log),
    unmapped: await count('unmapped', there?.unmapped),
  }
}

// One table after the other, each in a transaction of its own: a transaction that holds one NEMO table while it waits
// for the next can end in a deadlock, and PostgreSQL may choose NEMO's side to fail. The schema takes them along anyway.
async function dropTriggers({ pool }: Database, print: (line: string) => void, patience?: Patience): Promise<void> {
  const { rows } = await pool.query<{ table: string; drop: string }>(
    `select c.relname::text as table, string_agg(format('drop trigger %I on %s', t.tgname, c.oid::regclass), ';') as drop
       from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where t.tgfoid = to_regprocedure('nemo_mqtt.tg_capture()') group by 1, c.oid order by 1`,
  )
  for (const { table, drop } of rows) {
    try {
      await whileBusy(table, print, () => pool.query(`set local lock_timeout = '1s'; ${drop}`), patience)
    } catch (error) {
      // Only a table's owner may drop a trigger, but whoever made the function may drop it with all its triggers.
      if (codeOf(error) !== '42501') throw error
    }
  }
}
