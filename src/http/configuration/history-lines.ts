import { deedsOf, type SettingChange, settingChanges } from '../../config/difference.ts'
import type { HistoryEntry } from '../../config/stored.ts'
import type { ChangeLine, HistoryLine } from '../wire/configuration.ts'

/** Settings of one change that are told, and characters of one value: anybody may write what he likes with psql. */
const MOST_CHANGES = 100
const LONGEST_VALUE = 300

/** One change of the history as a page shows it. */
export function historyLine(entry: HistoryEntry): HistoryLine {
  const { id, at, who, name } = entry
  return {
    id,
    at: at.toISOString(),
    who: shortened(who),
    name: shortened(name),
    deeds: deedsOf(entry).map(shortened),
    changes: settingChanges(entry).slice(0, MOST_CHANGES).map(changeLine),
  }
}

/** What happened to one setting, as a page shows it. */
export function changeLine({ setting, what, before, after }: SettingChange): ChangeLine {
  return {
    setting: shortened(setting),
    what,
    ...(before === undefined ? {} : { before: textOf(before) }),
    ...(after === undefined ? {} : { after: textOf(after) }),
  }
}

function textOf(value: unknown): string {
  return shortened(typeof value === 'string' ? value : JSON.stringify(value))
}

function shortened(text: string): string {
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text
}
