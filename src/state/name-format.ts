import { isNoneEnabled, readStored, resolveStored } from '../config/in-force.ts'
import type { Source } from '../config/resolve.ts'
import type { Queryable } from '../db/database.ts'
import { AppError, codeOf } from '../errors.ts'
import type { NameFormat } from '../map/person.ts'

/** insufficient_privilege: the tables are younger than the rights of our role. */
const NO_RIGHT = '42501'

/**
 * How people are named by what is stored, for an instance that is not the active one and so has no settings in force.
 * Where that cannot be told, nobody is named: a laboratory may have asked for it.
 *
 * @throws the driver's error when the database cannot be reached
 */
export async function storedNameFormat(client: Queryable, environment: Source): Promise<NameFormat> {
  try {
    const stored = await readStored(client)
    return isNoneEnabled(stored) ? 'none' : resolveStored(environment, stored.configuration).user_name_format
  } catch (error) {
    if (error instanceof AppError || codeOf(error) === NO_RIGHT) return 'none'
    throw error
  }
}
