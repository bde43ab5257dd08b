import { findNemo } from '../db/nemo.ts'
import { AppError } from '../errors.ts'
import { type Check, critical, type Finding, ok, warning } from './finding.ts'
import { checkRights } from './rights.ts'

/** The oldest release for which the SQL is written. */
const OLDEST_POSTGRES = 12

/** NEMO's database: whether it answers, what it is, and what we may do in it. */
export const DATABASE_CHECKS: readonly Check[] = [
  {
    code: 'DB_REACHABLE',
    look: async (site) => {
      const since = performance.now()
      try {
        await site.database()
        return ok(`PostgreSQL answers within ${Math.round(performance.now() - since)} ms`)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        return critical(error.message, error.hint ?? 'see the log of PostgreSQL')
      }
    },
  },
  {
    code: 'DB_VERSION',
    needs: ['DB_REACHABLE'],
    look: async (site): Promise<Finding> => {
      const { pool } = await site.database()
      const { rows } = await pool.query<{ number: string; text: string }>(
        `select current_setting('server_version_num') as number, current_setting('server_version') as text`,
      )
      const [{ number, text } = { number: '0', text: 'unknown' }] = rows
      if (Number(number) >= OLDEST_POSTGRES * 10_000) return ok(`PostgreSQL ${text}`)
      return critical(`PostgreSQL ${text}`, `upgrade PostgreSQL to ${OLDEST_POSTGRES} or newer`)
    },
  },
  {
    code: 'NEMO_FOUND',
    needs: ['DB_REACHABLE'],
    look: async (site) => {
      try {
        const { edition, release, schema } = await findNemo((await site.database()).pool)
        return ok(
          `${edition} ${release === null ? '(release unknown)' : `${release} or a patch of it`} in schema ${schema}`,
        )
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        return critical(error.message, error.hint ?? 'correct NEMO_MQTT_DATABASE_URL')
      }
    },
  },
  {
    code: 'DB_RIGHTS',
    needs: ['NEMO_FOUND'],
    look: async (site) => {
      const { pool } = await site.database()
      const { schema } = await findNemo(pool)
      const { user, log, names } = await checkRights(pool, schema)
      const grant = `nemo-mqtt migrate --service-role ${user}`
      if (log.length > 0) return critical(`role ${user} lacks ${log.join(', ')}`, grant)
      if (names.length === 0) return ok(`role ${user} has every right that the service needs`)
      return warning(
        `role ${user} may not read ${names.join(', ')}, so events and states of tools lack what is there`,
        grant,
      )
    },
  },
]
