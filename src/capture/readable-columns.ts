import type { Pool } from 'pg'
import { LOOKUP_NAMES, LOOKUP_TABLES, type LookupName, type LookupTable } from '../map/lookup-tables.ts'

/** What can be read of one table, for one lookup. */
export interface Readable {
  readonly isTableReadable: boolean
  readonly columns: ReadonlySet<string>
  /** What is missing or not allowed, for people; null when everything is there. */
  readonly problem: string | null
}

const COLUMNS = `
select c.relname as "table", a.attname as "column",
       has_schema_privilege(n.oid, 'USAGE') and has_column_privilege(c.oid, a.attnum, 'SELECT') as "isReadable"
  from pg_namespace n join pg_class c on c.relnamespace = n.oid join pg_attribute a on a.attrelid = c.oid
 where n.nspname = $1 and c.relname = any($2) and a.attnum > 0 and not a.attisdropped`

type Found = Readonly<Record<LookupName, Readable>>

interface FoundColumn {
  readonly table: string
  readonly column: string
  readonly isReadable: boolean
}

/**
 * Which columns of NEMO's tables exist and may be read. They are found, not assumed: NEMO changes from release to
 * release, and rights from laboratory to laboratory. The answer is kept until {@link forget}, or for a while when
 * something was missing.
 */
export class ReadableColumns {
  readonly #pool: Pool
  readonly #schema: string
  readonly #recheckMs: number
  #found: Promise<Found> | undefined
  #foundAt = 0

  constructor(pool: Pool, schema: string, recheckMs: number) {
    this.#pool = pool
    this.#schema = schema
    this.#recheckMs = recheckMs
  }

  /** What can be read for a lookup. @throws the driver's error when the database cannot be reached */
  async of(name: LookupName): Promise<Readable> {
    const readable = (await this.#all())[name]
    if (readable.problem === null || performance.now() - this.#foundAt <= this.#recheckMs) return readable
    this.forget()
    return (await this.#all())[name]
  }

  /** Looks again at the next question: a query has just shown that the answer is out of date. */
  forget(): void {
    this.#found = undefined
  }

  async #all(): Promise<Found> {
    this.#found ??= this.#detect()
    try {
      return await this.#found
    } catch (error) {
      this.forget()
      throw error
    }
  }

  async #detect(): Promise<Found> {
    this.#foundAt = performance.now()
    const tables = LOOKUP_NAMES.map((name) => LOOKUP_TABLES[name].table)
    const { rows } = await this.#pool.query<FoundColumn>(COLUMNS, [this.#schema, [...new Set(tables)]])
    const entries = LOOKUP_NAMES.map((name) => [name, readableOf(LOOKUP_TABLES[name], rows)])
    return Object.fromEntries(entries) as Found
  }
}

function readableOf({ table, key = 'id', columns }: LookupTable, found: readonly FoundColumn[]): Readable {
  const existing = found.filter((row) => row.table === table)
  if (existing.length === 0) return { isTableReadable: false, columns: new Set(), problem: 'there is no such table' }
  const readable = new Set(existing.filter((row) => row.isReadable).map((row) => row.column))
  const exists = (column: string) => existing.some((row) => row.column === column)
  const wanted = [key, ...columns]
  const missing = wanted.filter((column) => !exists(column))
  const forbidden = wanted.filter((column) => exists(column) && !readable.has(column))
  const problems = [
    missing.length > 0 ? `it has no column ${missing.join(', ')}` : '',
    forbidden.length > 0 ? `the database role lacks the right SELECT on ${forbidden.join(', ')}` : '',
  ].filter((problem) => problem !== '')
  return {
    isTableReadable: readable.has(key),
    columns: readable,
    problem: problems.length > 0 ? problems.join('; ') : null,
  }
}
