import type { Change } from '../change.ts'
import type { Look } from './state-query.ts'

/** Tools that are kept; when there are more, everything is read. */
const MOST = 1_000

/** Which tools the changes concern that have come since the last look. */
export class Concerned {
  #tools = new Set<string>()
  #isAll = true

  /** Takes note of changes that were captured. */
  add(changes: readonly Change[]): void {
    if (this.#isAll) return
    for (const change of changes) {
      if (change.operation === 'TRUNCATE') this.all()
      for (const row of [change.old, change.new]) {
        if (row?.tool_id !== undefined && row.tool_id !== null) this.#tools.add(String(row.tool_id))
      }
      // Its usages and reservations count for another tool now.
      if (change.table === 'NEMO_tool' && change.new !== null) this.#tools.add(String(change.new.id))
    }
    if (this.#tools.size > MOST) this.all()
  }

  /** Nobody knows what has changed. */
  all(): void {
    this.#tools = new Set()
    this.#isAll = true
  }

  /** What the next look must see; begins anew. */
  take(): { readonly look: Look; readonly tools: ReadonlySet<string> } {
    const taken = { look: this.#isAll ? ('everywhere' as const) : ('near' as const), tools: this.#tools }
    this.#tools = new Set()
    this.#isAll = false
    return taken
  }
}
