import { Backoff, pause } from '../backoff.ts'
import { AppError, codeOf } from '../errors.ts'
import type { Health } from '../health.ts'
import type { Queryable } from './database.ts'

/** What the service must know of the database before it can start. */
export interface Installation {
  /** Part of every `event_id`; made once by the first migration. */
  readonly id: string
  /**
   * The installation and its database. A copy of a database has the same id, so that the events of the real one keep
   * theirs when it is restored; by this the two are told apart.
   */
  readonly place: string
  /** The schema that holds NEMO's tables: the one whose tables have our triggers. */
  readonly nemoSchema: string
}

const READ = `
select (select id from nemo_mqtt.installation limit 1) as id, current_database() as database,
       (select n.nspname::text
          from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
         where t.tgname = 'nemo_mqtt_capture' group by n.nspname order by count(*) desc limit 1) as "nemoSchema"`

/** Codes of PostgreSQL that mean: our schema is not there, not complete, or not ours to read. */
const NOT_INSTALLED: ReadonlySet<string> = new Set(['3F000', '42P01', '42501'])

/** Waits until our schema is in the database; undefined when the signal aborts first. */
export async function readInstallation(
  pool: Queryable,
  health: Health,
  signal: AbortSignal,
): Promise<Installation | undefined> {
  const backoff = new Backoff({ capMs: 5_000 })
  while (!signal.aborted) {
    try {
      const { rows } = await pool.query<{ id: string | null; database: string; nemoSchema: string | null }>(READ)
      const [found] = rows
      if (found?.id == null || found.nemoSchema === null) throw notInstalled('it has no installation id or no trigger')
      health.ok('schema', `NEMO is in schema ${found.nemoSchema}, installation ${found.id}`)
      return { id: found.id, place: `${found.id} of database ${found.database}`, nemoSchema: found.nemoSchema }
    } catch (error) {
      const code = codeOf(error)
      if (error instanceof AppError) health.failing('schema', error)
      else if (code !== undefined && NOT_INSTALLED.has(code)) health.failing('schema', notInstalled(String(error)))
      else health.failing('database', error, 'check that PostgreSQL runs and NEMO_MQTT_DATABASE_URL is right')
      await pause(backoff.next(), signal)
    }
  }
  return undefined
}

function notInstalled(found: string): AppError {
  return new AppError('NEMO_MQTT_ERR_SCHEMA_MISSING', `the schema nemo_mqtt cannot be used: ${found}`, {
    hint: 'run nemo-mqtt migrate as the owner of NEMO’s tables, with --service-role for the role of this service',
  })
}
