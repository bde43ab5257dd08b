import { reasonOf } from '../errors.ts'
import type { Problem } from './problem.ts'
import type { Source } from './resolve.ts'
import { isSealed, open } from './seal.ts'
import { isSetting, nearestSetting, SECRET_NAMES, SETTINGS, STORABLE_NAMES } from './settings.ts'

/** Values of a configuration as they lie in the database: secrets sealed, everything else as it is. */
export type StoredValues = Readonly<Record<string, unknown>>

/** A stored configuration. */
export interface Configuration {
  readonly name: string
  readonly enabled: boolean
  readonly settings: StoredValues
}

/** One change of a configuration. */
export interface HistoryEntry {
  /** Digits of a bigint. */
  readonly id: string
  readonly at: Date
  readonly who: string
  readonly name: string
  /** Null when it was created. */
  readonly before: Configuration | null
  /** Null when it was deleted. */
  readonly after: Configuration | null
}

/** Where a sealed secret belongs. The configuration's name is no part of it: a copy or a new name keeps the secret. */
export function placeOf(setting: string): string {
  return `configuration ${setting}`
}

/** A stored configuration as a source of settings, with its secrets opened. */
export function fromStored({ name, settings }: Configuration, configKey: string): Source {
  const problems: Problem[] = []
  const values: Record<string, unknown> = {}
  const nameOf = (setting: string): string => `${setting} of configuration "${name}"`
  for (const [setting, value] of Object.entries(settings)) {
    const refuse = (problem: string): unknown => problems.push({ name: setting, called: nameOf(setting), problem })
    const problem = storeProblem(setting) ?? kindProblem(setting, value)
    if (problem !== undefined) {
      refuse(problem)
    } else if (!isSecret(setting)) {
      values[setting] = value
    } else if (isSealed(value)) {
      try {
        values[setting] = open(value, configKey, placeOf(setting))
      } catch (error) {
        refuse(reasonOf(error))
      }
    } else {
      refuse('is a secret that was stored without encryption; store it again')
    }
  }
  return { values, problems, nameOf }
}

/** Whether a setting is a secret. */
export function isSecret(setting: string): boolean {
  return (SECRET_NAMES as readonly string[]).includes(setting)
}

/** Why a setting cannot be part of a stored configuration; undefined when it can. */
export function storeProblem(setting: string): string | undefined {
  if (!isSetting(setting)) {
    const near = nearestSetting(setting, STORABLE_NAMES)
    return `there is no such setting${near === undefined ? '' : `; do you mean ${near}?`}`
  }
  if (STORABLE_NAMES.includes(setting)) return undefined
  return 'comes from the environment only, because it is needed to read the configurations or belongs to the machine'
}

/**
 * Why a stored value cannot be one of this setting, whatever its limits are; undefined when it can. A text can stand for
 * a number; but null, of which a lenient reader makes 0, false or nothing, stands for nothing that somebody meant: least
 * of all for "do not sign".
 */
export function kindProblem(setting: string, value: unknown): string | undefined {
  if (isSealed(value)) return undefined
  const fitting = typeOf(setting) === 'boolean' ? ['string', 'number', 'boolean'] : ['string', 'number']
  if (fitting.includes(typeof value)) return undefined
  return `${value === null ? 'null' : `a value of type ${typeof value}`} cannot be its value`
}

/** The type of a setting in JSON; text for a choice of words. */
export function typeOf(setting: string): 'string' | 'integer' | 'boolean' {
  const schema: object = isSetting(setting) ? SETTINGS.properties[setting] : {}
  return (schema as { readonly type?: 'string' | 'integer' | 'boolean' }).type ?? 'string'
}
