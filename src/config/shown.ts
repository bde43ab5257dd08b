import { defaultOf, type Source } from './resolve.ts'
import { SETTINGS, type SettingName } from './settings.ts'
import { type Configuration, isSecret } from './stored.ts'

/** One setting as it is shown; a secret has no value. */
export interface ShownSetting {
  readonly name: SettingName
  readonly value?: unknown
  readonly isSet: boolean
  readonly from: 'environment' | 'configuration' | 'default'
  /** The configuration says something that the environment overrules. */
  readonly isOverruled: boolean
}

/** Every setting of a configuration, its value and where it comes from. */
export function shownSettings(environment: Source, { settings }: Pick<Configuration, 'settings'>): ShownSetting[] {
  return (Object.keys(SETTINGS.properties) as SettingName[]).map((name) => {
    const isStored = Object.hasOwn(settings, name)
    const isFixed = Object.hasOwn(environment.values, name)
    const value = isFixed ? environment.values[name] : isStored ? settings[name] : defaultOf(name)
    const from = isFixed ? 'environment' : isStored ? 'configuration' : 'default'
    const isSet = value !== undefined && value !== ''
    return { name, ...(isSecret(name) ? {} : { value }), isSet, from, isOverruled: isFixed && isStored }
  })
}
