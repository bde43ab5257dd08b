import type { Change, Row } from '../change.ts'

/** Some columns of a row as text, the way jsonb writes them; null for NULL and for a column that cannot be read. */
export type Columns = Readonly<Record<string, string | null>>

/**
 * What the rows of one table were at the time of a change. A row that is read later than the change may have changed
 * in between, but if the table is watched it has left its former self in the change log: the state at a change is the
 * `old` of the row's first later change, and the row as it was read when there is none.
 */
export class RowHistory {
  readonly #columns: readonly string[]
  readonly #changes = new Map<string, Change[]>()
  readonly #after = new Map<string, Columns>()

  constructor(columns: readonly string[]) {
    this.#columns = columns
  }

  /** Adds a change of the batch; they come with ascending ids. */
  addChange(id: string, change: Change): void {
    const known = this.#changes.get(id)
    if (known === undefined) this.#changes.set(id, [change])
    else known.push(change)
  }

  /** Sets what a row was after the last change of the batch; not called for a row that did not exist then. */
  setAfter(id: string, row: Columns): void {
    this.#after.set(id, row)
  }

  /** The row after the last change of the batch, where it was asked for. */
  after(id: string): Columns | undefined {
    return this.#after.get(id)
  }

  /** The row as it was at a change, or undefined when it did not exist. */
  at(id: string, changeId: string): Columns | undefined {
    const changes = this.#changes.get(id)
    const later = changes === undefined ? undefined : firstLater(changes, changeId)
    if (later === undefined) return this.#after.get(id)
    return later.old === null ? undefined : columnsOf(later.old, this.#columns)
  }

  /** Ids of all rows of which anything is known. */
  ids(): string[] {
    return [...new Set([...this.#changes.keys(), ...this.#after.keys()])]
  }
}

/** Some columns of a captured row, in the form of a row that was looked up. */
export function columnsOf(row: Row, columns: readonly string[]): Columns {
  const found: Record<string, string | null> = {}
  for (const column of columns) {
    const value = row[column]
    found[column] = value === null || value === undefined ? null : String(value)
  }
  return found
}

/** Orders two ids that are given as digits. */
export function compareDigits(one: string, other: string): number {
  if (one.length !== other.length) return one.length - other.length
  return one < other ? -1 : one > other ? 1 : 0
}

function firstLater(changes: readonly Change[], changeId: string): Change | undefined {
  let low = 0
  let high = changes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareDigits(changes[middle]?.id ?? '', changeId) > 0) high = middle
    else low = middle + 1
  }
  return changes[low]
}
