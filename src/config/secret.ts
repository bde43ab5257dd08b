import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError, reasonOf } from '../errors.ts'

/** What every variable of ours begins with. */
export const PREFIX = 'NEMO_MQTT_'

/**
 * A secret from the first of: the variable; the file that the variable with `_FILE` at its end names; the systemd
 * credential named as the variable, in small letters (`LoadCredential=nemo_mqtt_password:...`, systemd.exec(5)). Undefined without any.
 * Line ends at the end of a file do not count: an editor or `echo` made them, and nobody means them as part of a key.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when the file cannot be read
 */
export function secretFrom(environment: NodeJS.ProcessEnv, variable: string): string | undefined {
  if (environment[variable]) return environment[variable]
  const file = environment[`${variable}_FILE`] || credentialFile(environment, variable)
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8').replace(/[\r\n]+$/, '')
  } catch (error) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `${variable}_FILE: the file cannot be read: ${reasonOf(error)}`)
  }
}

/** The file in which systemd gives a secret to the service, if it gives one. */
export function credentialFile(environment: NodeJS.ProcessEnv, variable: string): string | undefined {
  const folder = environment.CREDENTIALS_DIRECTORY
  if (!folder) return undefined
  const file = join(folder, variable.toLowerCase())
  return existsSync(file) ? file : undefined
}
