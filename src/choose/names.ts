import type { NameFormat } from '../map/person.ts'

/** The words that events are told in: those of our contract, or those that the Python plugin had. */
export type Dialect = 'documented' | 'plugin'

/** The settings that say how people are named. */
interface NameSettings {
  readonly dialect: Dialect
  readonly privacy: boolean
  readonly user_name_format: NameFormat
}

/**
 * How people are named in messages. With privacy no name is needed, so none is looked up to be left out later. The
 * plugin always told first name, last name and user name; what a laboratory asked for to tell less holds there too.
 */
export function nameFormatOf({ dialect, privacy, user_name_format: format }: NameSettings): NameFormat {
  if (privacy) return 'none'
  return dialect === 'plugin' && format === 'first_last' ? 'first_last_username' : format
}
