/** What kind of difference a {@link Drift} is. */
export type DriftCode =
  | 'schema_missing'
  | 'log_missing'
  | 'log_unusable'
  | 'function_missing'
  | 'function_changed'
  | 'watch_missing'
  | 'table_missing'
  | 'trigger_missing'
  | 'trigger_disabled'
  | 'trigger_changed'
  | 'column_missing'
  | 'capture_paused'
  | 'rule_unwatched'

/** One difference between what should be in NEMO's database and what is there. */
export interface Drift {
  readonly code: DriftCode
  /** The NEMO table, where the difference is about one. */
  readonly table?: string
  /** What was found, a sentence without a full stop. */
  readonly found: string
  /** What to do about it. */
  readonly remedy: string
}
