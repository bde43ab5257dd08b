import pg from 'pg'

/** A value as it is written; times are text, because a Date would cut the microseconds that Django keeps. */
export type Value = string | number | boolean | null

/** A row as PostgreSQL prints it. */
export type Row = Record<string, string | null>

/** A message that a row change must become: the event's name and its topic below the prefix. */
export interface Expected {
  event: string
  topic: string
}

/** A row change that was committed, and what must come of it; nothing, where a message would be wrong. */
export interface WrittenChange {
  table: string
  operation: 'INSERT' | 'UPDATE'
  id: number
  /** Columns that have another value now; for an insert those that were given. */
  columns: string[]
  expected: Expected[]
  /** Milliseconds since 1970, with fractions. */
  committedAt: number
}

/** Writes rows the way Django does: each statement commits by itself, and saving a row writes all its columns. */
export class NemoWriter {
  readonly #client: pg.Client
  readonly #onChange: (change: WrittenChange) => void

  constructor(url: string, onChange: (change: WrittenChange) => void) {
    // Values stay the text that PostgreSQL sent, so that a save writes back exactly what was read.
    const asText = { getTypeParser: () => (text: string) => text }
    this.#client = new pg.Client({ connectionString: url, application_name: 'NEMO (simulated)', types: asText })
    this.#onChange = onChange
  }

  async open(): Promise<void> {
    await this.#client.connect()
  }

  async close(): Promise<void> {
    await this.#client.end()
  }

  /** Reads rows. */
  async rows(sql: string, values: Value[] = []): Promise<Row[]> {
    return (await this.#client.query<Row>(sql, values)).rows
  }

  /** `Model.objects.create(…)`. What is expected may depend on the new id. */
  async insert(table: string, values: Record<string, Value>, expect: (id: number) => Expected[]): Promise<Row> {
    const columns = Object.keys(values)
    const places = columns.map((_, index) => `$${index + 1}`)
    const names = columns.map((column) => pg.escapeIdentifier(column))
    const sql = `insert into "${table}" (${names.join(', ')}) values (${places.join(', ')}) returning *`
    const [row = {}] = await this.rows(sql, Object.values(values))
    this.#tell({ table, operation: 'INSERT', id: Number(row.id), columns, expected: expect(Number(row.id)) })
    return row
  }

  /** `instance.save()`: every column is written, changed or not. */
  async save(table: string, row: Row, changes: Record<string, Value>, expected: Expected[]): Promise<Row> {
    const { id, ...rest } = { ...row, ...changes }
    return await this.#update(table, row, rest, expected)
  }

  /** `save(update_fields=[…])` and `queryset.update(…)`: some columns are written. */
  async update(table: string, row: Row, changes: Record<string, Value>, expected: Expected[]): Promise<Row> {
    return await this.#update(table, row, changes, expected)
  }

  async #update(table: string, old: Row, values: Record<string, Value>, expected: Expected[]): Promise<Row> {
    const assignments = Object.keys(values).map((column, index) => `${pg.escapeIdentifier(column)} = $${index + 2}`)
    const sql = `update "${table}" set ${assignments.join(', ')} where id = $1 returning *`
    const [row = {}] = await this.rows(sql, [Number(old.id), ...Object.values(values)])
    const columns = Object.keys(row).filter((column) => row[column] !== old[column])
    this.#tell({ table, operation: 'UPDATE', id: Number(old.id), columns, expected })
    return row
  }

  #tell(change: Omit<WrittenChange, 'committedAt'>): void {
    this.#onChange({ ...change, committedAt: performance.timeOrigin + performance.now() })
  }
}

/** Now, or so many minutes from now, as Django's `timezone.now()` gives it: with microseconds. */
export function time(minutesFromNow = 0): string {
  const micros = Math.round((performance.timeOrigin + performance.now()) * 1_000) + minutesFromNow * 60_000_000
  const seconds = new Date(Math.floor(micros / 1_000_000) * 1_000).toISOString().slice(0, 19)
  return `${seconds}.${String(micros % 1_000_000).padStart(6, '0')}+00:00`
}
