import type { Pool } from 'pg'
import { type LogSearch, lastMessage, messagesAfter } from '../archive/store.ts'
import { withoutPeopleIn } from '../choose/privacy.ts'
import { encodeEntry } from '../queue/entry.ts'

const PAGE = 500

/** Which messages, without a limit. */
export type ReplaySearch = Omit<LogSearch, 'limit'>

/**
 * What was published once, as entries to be published again: the same topics and payloads, so under the same `event_id`,
 * in the old order. Never retained: what was is not what is.
 *
 * @param privacy takes out of the payloads what is personal, which the log may hold from before
 * @throws the driver's error
 */
export async function* replayedEntries(pool: Pool, search: ReplaySearch, privacy: boolean): AsyncGenerator<string> {
  const last = await lastMessage(pool) // what is published again is logged again, and would never end
  let after = '0'
  for (;;) {
    const page = await messagesAfter(pool, search, { after, last }, PAGE)
    for (const { id, topic, payload, tool, area, table, row } of page) {
      after = id
      if (topic === null || payload === null) continue
      const entity = entityOf(table, row, tool, area) ?? topic
      const text = privacy ? withoutPeopleIn(payload) : payload
      yield encodeEntry({ topic, payload: text, retain: false, entity, origin: null, queuedAt: Date.now() / 1_000 })
    }
    if (page.length < PAGE) return
  }
}

/** What its order belongs to, as when it was new. */
function entityOf(
  table: string | null,
  row: string | null,
  tool: string | null,
  area: string | null,
): string | undefined {
  if (table === 'NEMO_reservation') return `reservations/${row}`
  if (table === 'NEMO_areaaccessrecord') return `area_access/${row}`
  if (tool !== null) return `tools/${tool}`
  return area === null ? undefined : `areas/${area}`
}
