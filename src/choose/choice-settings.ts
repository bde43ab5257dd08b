import type { NameFormat } from '../map/person.ts'
import type { Dialect } from './names.ts'

/** The settings that say what is sent, where to, and with which names; a part of all settings. */
export interface ChoiceSettings {
  readonly dialect: Dialect
  readonly event_filter: string
  readonly personal_events: string
  readonly custom_events: string
  readonly tool_filter: string
  readonly area_filter: string
  readonly category_filter: string
  readonly topic_prefix: string
  readonly topic_template: string
  readonly topic_overrides: string
  readonly tool_topic_key: 'id' | 'name' | 'both'
  readonly privacy: boolean
  readonly user_name_format: NameFormat
}

/** Everything is sent, on the standard topics, with names. */
export const EVERYTHING = '*'
/** The template that makes the standard topics. */
export const STANDARD_TEMPLATE = '{prefix}/{topic}'

/** What holds where nobody chose anything. */
export const CHOICE_DEFAULTS: ChoiceSettings = {
  dialect: 'documented',
  event_filter: EVERYTHING,
  personal_events: '',
  custom_events: '',
  tool_filter: EVERYTHING,
  area_filter: EVERYTHING,
  category_filter: EVERYTHING,
  topic_prefix: 'nemo',
  topic_template: STANDARD_TEMPLATE,
  topic_overrides: '',
  tool_topic_key: 'id',
  privacy: false,
  user_name_format: 'first_last',
}
