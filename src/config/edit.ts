import { seal } from './seal.ts'
import { isSecret, placeOf, type StoredValues, typeOf } from './stored.ts'

/** What somebody wants to change in a stored configuration; what it does not name stays. */
export interface Edit {
  /** New values by setting, secrets as they are meant. */
  readonly set: Readonly<Record<string, unknown>>
  /** Settings to take out, so that they have their defaults again. */
  readonly unset: readonly string[]
}

/**
 * A value as it is stored: a secret sealed, a number or a truth value that was written as text as what it is. What does
 * not fit stays as it is, and whoever looks at the whole configuration names it.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when it is a secret and there is no key
 */
export function toStored(setting: string, value: unknown, configKey: string): unknown {
  if (isSecret(setting)) return seal(String(value), configKey, placeOf(setting))
  if (typeof value !== 'string') return value
  const type = typeOf(setting)
  if (type === 'integer' && /^-?\d{1,15}$/.test(value)) return Number(value)
  if (type === 'boolean' && /^(true|false)$/.test(value)) return value === 'true'
  return value
}

/** The stored values after an edit. @throws AppError NEMO_MQTT_ERR_CONFIG when a secret is set and there is no key */
export function edited(stored: StoredValues, { set, unset }: Edit, configKey: string): StoredValues {
  const kept = Object.entries(stored).filter(([name]) => !unset.includes(name))
  const changed = Object.entries(set).map(([name, value]) => [name, toStored(name, value, configKey)] as const)
  return Object.fromEntries([...kept, ...changed])
}
