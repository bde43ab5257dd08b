import { escapeIdentifier } from 'pg'
import { connect, databaseError } from './database.ts'
import { findNemoSchema } from './nemo.ts'

/**
 * The categories of all tools as they are now, by the digits of their ids; a child tool has its parent's.
 *
 * @throws AppError NEMO_MQTT_ERR_DATABASE, _RIGHTS or _NOT_NEMO
 */
export async function toolCategories(databaseUrl: string): Promise<Map<string, string | null>> {
  const database = await connect(databaseUrl)
  try {
    const tools = `${escapeIdentifier(await findNemoSchema(database.pool))}."NEMO_tool"`
    const { rows } = await database.pool.query<{ id: string; category: string | null }>(
      `select t.id::text, coalesce(t.category, p.category) as category
         from ${tools} t left join ${tools} p on p.id = t.parent_tool_id`,
    )
    return new Map(rows.map(({ id, category }) => [id, category]))
  } catch (error) {
    throw databaseError(error)
  } finally {
    await database.close()
  }
}
