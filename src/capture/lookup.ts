import type { Pool } from 'pg'
import type { Change } from '../change.ts'
import { codeOf, reasonOf } from '../errors.ts'
import { BatchNames, type LastSeen } from '../map/batch-names.ts'
import type { Columns } from '../map/history.ts'
import { addNeeds } from '../map/index.ts'
import { type Lookup, nothingWanted, type Wanted } from '../map/lookup.ts'
import { LOOKUP_NAMES, LOOKUP_TABLES, type LookupName } from '../map/lookup-tables.ts'
import type { NameFormat } from '../map/person.ts'
import { Remembered } from '../map/remembered.ts'
import { currentQuery, historicQuery } from './lookup-query.ts'
import { ReadableColumns } from './readable-columns.ts'

/** How {@link NameLookup} behaves. */
export interface NameLookupOptions {
  /** Asked once a batch, so that a changed setting applies at once. */
  readonly nameFormat: () => NameFormat
  /** Whether the categories of child tools, which their parents have, are fetched too. @defaultValue they are not */
  readonly withCategories?: () => boolean
  /** Told when the names of a table become unavailable and why, and when they are there again; never once a batch. */
  readonly onProblem: (text: string) => void
  /** How many rows of each table are remembered for when they are deleted. @defaultValue 10,000 */
  readonly remembered?: number
  /** How soon, while something cannot be read, it is tried again, in milliseconds. @defaultValue 30,000 */
  readonly recheckMs?: number
}

// undefined_column, undefined_table, insufficient_privilege: NEMO was upgraded, or somebody changed rights.
const NOT_READABLE = new Set(['42703', '42P01', '42501'])

/**
 * Looks up the names that a batch of changes refers to, with one query a table, all tables at the same time. A name that
 * cannot be found or read is null in the event: no batch ever waits for a name. Only trouble with the connection is an
 * error, because that passes.
 */
export class NameLookup {
  readonly #pool: Pool
  readonly #schema: string
  readonly #options: NameLookupOptions
  readonly #readable: ReadableColumns
  readonly #seen: LastSeen
  readonly #problems = new Map<LookupName, string>()

  constructor(pool: Pool, nemoSchema: string, options: NameLookupOptions) {
    const limit = options.remembered ?? 10_000
    this.#pool = pool
    this.#schema = nemoSchema
    this.#options = options
    this.#readable = new ReadableColumns(pool, nemoSchema, options.recheckMs ?? 30_000)
    this.#seen = {
      tools: new Remembered(limit),
      areas: new Remembered(limit),
      reservations: new Remembered(limit),
      users: new Remembered(limit),
      projects: new Remembered(limit),
      resources: new Remembered(limit),
      consumables: new Remembered(limit),
      interlocks: new Remembered(limit),
    }
  }

  /**
   * Fetches what the mappers will ask about these changes.
   *
   * @param changes with ascending ids
   * @throws the driver's error when the database cannot be reached
   */
  async forBatch(changes: readonly Change[]): Promise<(change: Change) => Lookup> {
    const names = new BatchNames(this.#seen, this.#options.nameFormat())
    const withCategories = this.#options.withCategories?.() === true
    const wanted = nothingWanted()
    for (const change of changes) {
      addNeeds(change, wanted)
      names.addChange(change)
    }
    const last = changes.at(-1)?.id ?? '0'
    await Promise.all(LOOKUP_NAMES.map((name) => this.#fetch(name, wanted, last, names)))
    if (withCategories)
      await this.#fetch('tools', { ...nothingWanted(), tools: new Set(names.unknownParents()) }, last, names)
    return (change) => names.at(change.id)
  }

  async #fetch(name: LookupName, wanted: Wanted, last: string, names: BatchNames): Promise<void> {
    if (wanted[name].size === 0 && (name !== 'tools' || wanted.children.size === 0)) return
    for (let attempt = 1; ; attempt += 1) {
      const readable = await this.#readable.of(name)
      try {
        if (readable.isTableReadable) {
          for (const { key, ...row } of await this.#query(name, wanted, last, readable.columns))
            names.addRow(name, key, row)
        }
        this.#report(name, readable.problem)
        return
      } catch (error) {
        if (!NOT_READABLE.has(codeOf(error) ?? '')) throw error
        this.#readable.forget()
        if (attempt === 2) return this.#report(name, reasonOf(error))
      }
    }
  }

  async #query(name: LookupName, wanted: Wanted, last: string, readable: ReadonlySet<string>): Promise<Found[]> {
    const table = LOOKUP_TABLES[name]
    const ids = [...wanted[name]].filter(isBigint)
    if (!table.isWatched) {
      const { rows } = await this.#pool.query<Found>(currentQuery(this.#schema, table, readable), [ids])
      return rows
    }
    const roots = name === 'tools' ? [...wanted.children].filter(isBigint) : []
    const text = historicQuery(this.#schema, table, readable, roots.length > 0)
    const { rows } = await this.#pool.query<Found>(text, roots.length > 0 ? [ids, last, roots] : [ids, last])
    return rows
  }

  #report(name: LookupName, problem: string | null): void {
    const { table } = LOOKUP_TABLES[name]
    if (problem === (this.#problems.get(name) ?? null)) return
    if (problem === null) {
      this.#problems.delete(name)
      this.#options.onProblem(`${table} can be read again`)
    } else {
      this.#problems.set(name, problem)
      this.#seen[name].clear() // whoever takes a right away does not want to see the names any longer
      this.#options.onProblem(`${table} cannot be read as expected, events lack its names: ${problem}`)
    }
  }
}

/** A row that was found: the id that was looked up and the columns that were asked for. */
type Found = Columns & { readonly key: string }

/** Whether PostgreSQL would take these digits for a bigint; one id that it refuses would spoil the whole batch. */
function isBigint(digits: string): boolean {
  return digits.length <= 18 || BigInt.asIntN(64, BigInt(digits)) === BigInt(digits)
}
