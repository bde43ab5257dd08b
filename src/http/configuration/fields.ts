import { variableOf } from '../../config/environment.ts'
import { labelOf, SETTING_GROUPS } from '../../config/groups.ts'
import { defaultOf, type Source, wordsOf } from '../../config/resolve.ts'
import { SETTINGS, type SettingName, STORABLE_NAMES } from '../../config/settings.ts'
import { shownSettings } from '../../config/shown.ts'
import { isSecret, typeOf } from '../../config/stored.ts'
import type { Field, FieldGroup, MachineSetting, Value } from '../wire/configuration.ts'

/** Texts that may have several lines. */
const LINES: ReadonlySet<SettingName> = new Set([
  'event_filter',
  'tool_filter',
  'area_filter',
  'category_filter',
  'topic_overrides',
])

/** What the schema says of a setting, as far as it says it. */
interface Schema {
  readonly description?: string
  readonly minimum?: number
  readonly maximum?: number
}

/** The form: every setting that can be stored, in groups, with what the environment fixes. */
export function fieldGroups(environment: Source): FieldGroup[] {
  return SETTING_GROUPS.map(({ title, names }) => ({ title, fields: names.map((name) => fieldOf(name, environment)) }))
}

/** What comes from the environment only, or is its default; of a secret only whether it is set. */
export function machineSettings(environment: Source): MachineSetting[] {
  const isOfMachine = (name: SettingName): boolean => !STORABLE_NAMES.includes(name)
  return shownSettings(environment, { settings: {} })
    .filter(({ name }) => isOfMachine(name))
    .map(({ name, value, isSet, from }) => ({
      variable: variableOf(name),
      help: schemaOf(name).description ?? '',
      ...(value === undefined ? {} : { value: String(value) }),
      isSet,
      from: from === 'environment' ? from : 'default',
    }))
}

function fieldOf(name: SettingName, { values }: Source): Field {
  const { description = '', minimum, maximum } = schemaOf(name)
  const words = wordsOf(name)
  const isFixed = Object.hasOwn(values, name)
  const hidden = isSecret(name)
  const type = typeOf(name)
  const plain = type === 'string' ? (LINES.has(name) ? 'lines' : 'text') : type
  return {
    name,
    label: labelOf(name),
    help: description,
    kind: hidden ? 'secret' : words.length > 0 ? 'choice' : plain,
    fallback: hidden ? null : (defaultOf(name) as Value),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(words.length === 0 ? {} : { words }),
    ...(isFixed ? { fixed: { variable: variableOf(name), ...(hidden ? {} : { value: String(values[name]) }) } } : {}),
  }
}

function schemaOf(name: SettingName): Schema {
  return SETTINGS.properties[name] as Schema
}
