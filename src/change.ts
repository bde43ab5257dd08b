/** What a captured statement did to a row; TRUNCATE stands for the whole table and has no row. */
export type Operation = 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE'

/**
 * One row of a NEMO table, column name to value, as PostgreSQL's `to_jsonb` writes it: times and numerics beyond
 * JSON as text, integers beyond 2^53 as bigint. Columns that the trigger counts as noise are absent.
 */
export type Row = Readonly<Record<string, unknown>>

/** One captured row change: a row of `nemo_mqtt.change_log`. */
export interface Change {
  /** Identity in the change log, digits of a bigint. For one NEMO row the order of ids is the order of commits. */
  readonly id: string
  /** When the statement ran: an RFC 3339 time in UTC with up to six decimals, such as `2026-11-25T04:34:05.407914Z`. */
  readonly at: string
  /** Name of the NEMO table without its schema, such as `NEMO_tool`. */
  readonly table: string
  readonly operation: Operation
  /** The row before; null for INSERT and TRUNCATE. */
  readonly old: Row | null
  /** The row after; null for DELETE and TRUNCATE. */
  readonly new: Row | null
}
