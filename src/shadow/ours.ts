import type { Change } from '../change.ts'
import { choiceOf } from '../choose/choice.ts'
import type { ChoiceSettings } from '../choose/choice-settings.ts'
import { wordedMessages } from '../choose/worded.ts'
import { inPluginWords } from '../dialect/plugin.ts'
import { type Lookup, mapChange } from '../map/index.ts'
import { fieldsOf, type ToldMessage } from './told.ts'

/** Levels below the prefix by which messages name a row of a table. */
const KINDS: Readonly<Record<string, string>> = {
  NEMO_tool: 'tools',
  NEMO_area: 'areas',
  NEMO_reservation: 'reservations',
  NEMO_usageevent: 'usages',
  NEMO_areaaccessrecord: 'area_access',
}

/** What a change means for the comparison. */
export interface ShadowedChange {
  /** The row that it changed, such as `usages/7`; undefined when the plugin tells nothing of its table. */
  readonly row: string | undefined
  /** What the plugin would tell of it, were it without fault. */
  readonly expected: readonly ToldMessage[]
  /** What the row was before. */
  readonly before: readonly ToldMessage[]
  /** How many messages the settings in force make of it. */
  readonly count: number
}

/** How people are named in comparisons: as the plugin names them, whatever the settings say. */
export const SHADOW_NAMES = 'first_last_username'

/**
 * Maps a change for the comparison. That is done without filters and privacy: it is about what NEMO did, and those
 * leave out on purpose.
 *
 * @throws AppError NEMO_MQTT_ERR_CHANGE when it cannot be understood
 */
export function shadowed(change: Change, lookup: Lookup, settings: ChoiceSettings): ShadowedChange {
  const kind = KINDS[change.table]
  const id = (change.new ?? change.old)?.id
  const events = mapChange(change, lookup)
  const choice = choiceOf(settings)
  const { sent } = choice.choose(events, (toolId) => lookup.category(toolId))
  return {
    row: kind === undefined || id === undefined ? undefined : `${kind}/${String(id)}`,
    expected: told(events),
    // Mapped as if it had just been entered, it says what it was.
    before:
      change.old === null
        ? []
        : told(mapChange({ ...change, operation: 'INSERT', old: null, new: change.old }, lookup)),
    count: wordedMessages(choice, sent, String).messages.length,
  }
}

function told(events: ReturnType<typeof mapChange>): ToldMessage[] {
  return inPluginWords(events).texts.flatMap(({ topic, payload: text }) => {
    const fields = fieldsOf(text)
    return fields === undefined ? [] : [{ topic, text, fields }]
  })
}
