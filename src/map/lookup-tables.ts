import type { Wanted } from './lookup.ts'

/** One NEMO table in which mappers look things up. */
export interface LookupTable {
  readonly table: string
  /** The column that ids are looked up in, where that is not `id`; one row at most has each. */
  readonly key?: string
  readonly columns: readonly string[]
  /** Whether these columns are captured and the index change_log_names has the table: the log knows what they were. */
  readonly isWatched: boolean
}

/** What is looked up where. NEMO 4.7.1 to 8.1.5 and NEMO-CE have all of these columns. */
export const LOOKUP_TABLES = {
  tools: { table: 'NEMO_tool', columns: ['name', 'parent_tool_id', 'operational', 'category'], isWatched: true },
  areas: { table: 'NEMO_area', columns: ['name'], isWatched: true },
  reservations: { table: 'NEMO_reservation', columns: ['start', 'end'], isWatched: true },
  users: { table: 'NEMO_user', columns: ['username', 'first_name', 'last_name'], isWatched: false },
  projects: { table: 'NEMO_project', columns: ['name'], isWatched: false },
  resources: { table: 'NEMO_resource', columns: ['name'], isWatched: false },
  consumables: { table: 'NEMO_consumable', columns: ['name'], isWatched: false },
  // `Tool.interlock` is one to one; a child tool has its parent's.
  interlocks: { table: 'NEMO_tool', key: 'interlock_id', columns: ['id', 'name'], isWatched: false },
} as const satisfies Record<Exclude<keyof Wanted, 'children'>, LookupTable>

/** Name of one of {@link LOOKUP_TABLES}, the same as in {@link Wanted}. */
export type LookupName = keyof typeof LOOKUP_TABLES

/** The names of all {@link LOOKUP_TABLES}. */
export const LOOKUP_NAMES = Object.keys(LOOKUP_TABLES) as readonly LookupName[]
