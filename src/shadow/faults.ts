/** What a message of the plugin says, read. */
export interface PluginFields {
  readonly event: string
  readonly [field: string]: unknown
}

/** What is known of the row that a message is about. */
export interface KnownRow {
  /** False when NEMO's tables have no such row, and no change of one was captured. */
  readonly exists: boolean
  /** Whether it was told that this usage has begun. */
  readonly hasBegun: boolean
  /** Whether it was told that this usage is over. */
  readonly isOver: boolean
  /** Whether it has a staff charge: it bills somebody who is not there. */
  readonly isBilling: boolean
  /** What it was lately, as messages tell it, or what the table says. */
  readonly said: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** What the table says now; undefined where that is too little to tell whether a message was ever true. */
  readonly now: Readonly<Record<string, unknown>> | undefined
}

/** What the plugin told so late that it was missing already. */
export const LATE = 'what was missing came late'

/** Fields that say when, or how the plugin calls it: no part of what a row says. */
const NOT_SAID = new Set(['event', 'timestamp', 'start_time', 'end_time', 'access_time'])

/**
 * The fault of the plugin by which it told something that did not happen, for people; undefined when none explains it.
 * The faults were found by recording the plugin 1.0.0 on NEMO 8.1.5.
 */
export function pluginFault(message: PluginFields, row: KnownRow): string | undefined {
  const { event } = message
  if (!row.exists) return 'its row does not exist: the write was rolled back'
  if (event === 'area_access') return row.isBilling ? 'a record for billing, which is no visit' : undefined
  if (event === 'tool_enabled') return row.hasBegun ? 'a usage that had begun was saved again' : undefined
  if (event === 'tool_disabled') return row.isOver ? 'a usage that was over was saved again' : undefined
  if (!event.endsWith('_updated')) return undefined
  const isKnown = row.said.some((said) => fieldsThatDiffer(message, said).length === 0)
  if (isKnown) return 'a row was saved and nothing that the message tells had changed'
  // A write that no trigger saw is in the table, or a later one is, whose message is not excused.
  const isUntrue = row.now !== undefined && fieldsThatDiffer(message, row.now).length > 0
  return isUntrue ? 'its row never said so: the write was rolled back' : undefined
}

/** Names of the fields whose values differ, times aside. */
export function fieldsThatDiffer(
  one: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>,
): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].filter((name) => !NOT_SAID.has(name) && String(one[name]) !== String(other[name]))
}
