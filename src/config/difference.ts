import { isDeepStrictEqual } from 'node:util'
import { SECRET_NAMES, STORABLE_NAMES } from './settings.ts'
import type { HistoryEntry, StoredValues } from './stored.ts'

/** What happened to one setting; without values where they must not be shown. */
export interface SettingChange {
  readonly setting: string
  readonly what: 'set' | 'changed' | 'unset'
  readonly before?: unknown
  readonly after?: unknown
}

/** The settings that differ. Secrets, and what may be a secret under a wrong name, have no values. */
export function changesOf(before: StoredValues, after: StoredValues): SettingChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.flatMap((setting) => {
    const [old, now] = [before[setting], after[setting]]
    if (isDeepStrictEqual(old, now)) return []
    const what = old === undefined ? 'set' : now === undefined ? 'unset' : 'changed'
    return [isShown(setting) ? { setting, what, before: old, after: now } : { setting, what }]
  })
}

/** What was changed in the settings; nothing for a deletion, which says it all. */
export function settingChanges({ before, after }: HistoryEntry): SettingChange[] {
  return after === null ? [] : changesOf(before?.settings ?? {}, after.settings)
}

/** Whether the value of a stored setting may be shown. */
export function isShown(setting: string): boolean {
  const isIn = (names: readonly string[]): boolean => names.includes(setting)
  return isIn(STORABLE_NAMES) && !isIn(SECRET_NAMES)
}

/** What a change did to the configuration as a whole. */
export function deedsOf({ before, after }: HistoryEntry): string[] {
  if (before === null) return after?.enabled === true ? ['created', 'enabled'] : ['created']
  if (after === null) return before.enabled ? ['deleted', 'disabled'] : ['deleted']
  const deeds: string[] = []
  if (before.name !== after.name) deeds.push(`renamed from ${JSON.stringify(before.name)}`)
  if (before.enabled !== after.enabled) deeds.push(after.enabled ? 'enabled' : 'disabled')
  return deeds
}
