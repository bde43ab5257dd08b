import { sql } from 'kysely'
import pg from 'pg'
import { AppError, codeOf } from '../errors.ts'
import type { Database } from './database.ts'
import { scramVerifier } from './scram.ts'

/** The role that the service connects as. */
export interface ServiceRole {
  readonly name: string
  /** Makes the role if it does not exist. Without a password it can only log in by other means (peer, certificate). */
  readonly create?: { readonly password: string | undefined } | undefined
}

/** The statement that makes a role; `verifier` as PostgreSQL keeps a password, see {@link scramVerifier}. */
export function createRoleSql(name: string, verifier: string | undefined): string {
  const password = verifier === undefined ? '' : ` password ${pg.escapeLiteral(verifier)}`
  return `create role ${pg.escapeIdentifier(name)} login${password}`
}

/**
 * Gives a role what the service needs, and nothing else, in one transaction; makes it first if that was asked for.
 *
 * @throws AppError NEMO_MQTT_ERR_RIGHTS, NEMO_MQTT_ERR_CONFIG when there is no such role
 */
export async function grantService(
  { kysely }: Database,
  role: ServiceRole,
  print: (line: string) => void,
): Promise<void> {
  const { name } = role
  await kysely.transaction().execute(async (transaction) => {
    const found = await sql`select from pg_roles where rolname = ${name}`.execute(transaction)
    const isNew = found.rows.length === 0
    if (isNew) {
      if (role.create === undefined) throw noSuchRole(name)
      const { password } = role.create
      const verifier = password === undefined ? undefined : scramVerifier(password)
      try {
        await sql.raw(createRoleSql(name, verifier)).execute(transaction)
      } catch (error) {
        if (codeOf(error) !== '42501') throw error
        throw new AppError('NEMO_MQTT_ERR_RIGHTS', `this role may not create the role "${name}"`, {
          cause: error,
          hint: `let an administrator run: create role "${name}" login password '…'; then leave --create-role out`,
        })
      }
      print(`role ${name}: created${password === undefined ? ', without a password' : ''}`)
    }
    await sql`select nemo_mqtt.grant_service(${name}, ${isNew})`.execute(transaction)
  })
  print(`role ${name}: may drain the change log and read the names that events carry`)
}

/** The roles that an earlier run gave rights and that still exist. */
export async function knownServiceRoles({ pool }: Database): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    'select s.name from nemo_mqtt.service_role s join pg_roles r on r.rolname = s.name order by 1',
  )
  return rows.map((row) => row.name)
}

function noSuchRole(name: string): AppError {
  return new AppError('NEMO_MQTT_ERR_CONFIG', `there is no role "${name}"`, {
    hint: 'add --create-role, or correct --service-role',
  })
}
