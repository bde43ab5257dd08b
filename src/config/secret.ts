import { readFileSync } from 'node:fs'
import { AppError, reasonOf } from '../errors.ts'

/**
 * A secret from a variable, or from the file that the variable with `_FILE` at its end names; undefined without both.
 * Line ends at the end of the file do not count: an editor or `echo` made them, and nobody means them as part of a key.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when the file cannot be read
 */
export function secretFrom(environment: NodeJS.ProcessEnv, variable: string): string | undefined {
  const file = environment[`${variable}_FILE`]
  if (environment[variable] || !file) return environment[variable] || undefined
  try {
    return readFileSync(file, 'utf8').replace(/[\r\n]+$/, '')
  } catch (error) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `${variable}_FILE: the file cannot be read: ${reasonOf(error)}`)
  }
}
