import { readRules } from '../choose/custom/read-rules.ts'
import type { Queryable } from './database.ts'
import type { Drift } from './drift.ts'

/** Rules of `custom_events` that can never hold, because their table is not watched or their columns not captured. */
export async function ruleDrift(client: Queryable, customEvents: string): Promise<Drift[]> {
  const rules = readRules(customEvents)
  if ('problem' in rules || rules.length === 0) return []
  const { rows } = await client.query<{ tbl: string; noise: string[] }>(
    'select tbl, noise from nemo_mqtt.watched_table',
  )
  return rules.flatMap(({ table, condition }, index): Drift[] => {
    const rule = `rule ${index + 1} of custom_events`
    const watched = rows.find(({ tbl }) => tbl === table)
    if (watched === undefined) {
      const found = `${rule} is about ${table}, which is not watched: it never holds`
      return [
        { code: 'rule_unwatched', table, found, remedy: `nemo-mqtt migrate --watch ${table}, or correct the rule` },
      ]
    }
    return [...condition.keys()]
      .filter((column) => watched.noise.includes(column))
      .map((column) => ({
        code: 'rule_unwatched',
        table,
        found: `${rule} asks for ${table}.${column}, which is not captured: it never holds`,
        remedy: 'correct the rule',
      }))
  })
}
