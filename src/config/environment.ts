import { AppError, reasonOf } from '../errors.ts'
import { redisUrlProblem } from './checks.ts'
import type { Problem } from './problem.ts'
import { resolveSettings, type Source, withDatabase } from './resolve.ts'
import { credentialFile, PREFIX, secretFrom } from './secret.ts'
import {
  isSetting,
  nearestSetting,
  REDIS_URL,
  type RedisSettings,
  SECRET_NAMES,
  type SettingName,
  type Settings,
} from './settings.ts'

/** Variables of `nemo-mqtt migrate`, which may stand in the same file of environment variables. */
const OF_OTHER_COMMANDS: ReadonlySet<string> = new Set(['service_password', 'service_password_file'])

/**
 * What the environment says: variables `NEMO_MQTT_<NAME>`; a secret also from the file that `NEMO_MQTT_<NAME>_FILE`
 * names, or from a credential of systemd.
 */
export function fromEnvironment(environment: NodeJS.ProcessEnv): Source {
  const problems: Problem[] = []
  const values: Record<string, unknown> = {}
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || value === undefined) continue
    const name = variable.slice(PREFIX.length).toLowerCase()
    if (isSetting(name)) {
      if (value !== '' || name === 'topic_prefix') values[name] = value
    } else if (!isSecretFile(name) && !OF_OTHER_COMMANDS.has(name)) {
      problems.push({ name, called: variable, problem: `there is no such setting${suggestion(name)}` })
    }
  }
  for (const name of SECRET_NAMES) readSecret(environment, name, values, problems)
  return { values, problems, nameOf: variableOf }
}

/**
 * The settings from the environment alone.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG that names every problem at once, and no value of a secret
 */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  return resolveSettings(fromEnvironment(environment))
}

/**
 * The URL of NEMO's database: `NEMO_MQTT_DATABASE_URL`, or what is in the file that `NEMO_MQTT_DATABASE_URL_FILE` names.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG
 */
export function databaseUrl(environment: NodeJS.ProcessEnv): string {
  const url = secretFrom(environment, 'NEMO_MQTT_DATABASE_URL')
  const hint = 'set NEMO_MQTT_DATABASE_URL to postgres://user:password@host:5432/database'
  if (url === undefined) throw new AppError('NEMO_MQTT_ERR_CONFIG', 'NEMO_MQTT_DATABASE_URL is not set', { hint })
  if (!URL.canParse(url) || !/^postgres(ql)?:/.test(url)) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', 'NEMO_MQTT_DATABASE_URL is not the URL of a database', { hint })
  }
  return url
}

/** How Redis is reached, alone, for commands that need nothing else. @throws AppError NEMO_MQTT_ERR_CONFIG */
export function redisSettings(environment: NodeJS.ProcessEnv): RedisSettings {
  const url = secretFrom(environment, `${PREFIX}REDIS_URL`) ?? REDIS_URL
  const problem = redisUrlProblem(url)
  if (problem !== undefined) throw new AppError('NEMO_MQTT_ERR_CONFIG', `${PREFIX}REDIS_URL: ${problem}`)
  return {
    redis_url: withDatabase(url),
    redis_ca_file: environment[`${PREFIX}REDIS_CA_FILE`] ?? '',
    redis_cert_file: environment[`${PREFIX}REDIS_CERT_FILE`] ?? '',
    redis_key_file: environment[`${PREFIX}REDIS_KEY_FILE`] ?? '',
  }
}

/** The environment variable of a setting. */
export function variableOf(name: string): string {
  return PREFIX + name.toUpperCase()
}

function isSecretFile(name: string): boolean {
  return SECRET_NAMES.some((secret) => name === `${secret}_file`)
}

function readSecret(
  environment: NodeJS.ProcessEnv,
  name: SettingName,
  values: Record<string, unknown>,
  problems: Problem[],
): void {
  const variable = variableOf(name)
  const called = `${variable}_FILE`
  const isInFile = environment[`${variable}_FILE`] || credentialFile(environment, variable)
  if (!isInFile) return
  if (environment[variable]) {
    problems.push({ name, called, problem: `${variable} is set too; keep one of them` })
    return
  }
  try {
    const secret = secretFrom(environment, variable)
    if (secret) values[name] = secret
  } catch (error) {
    problems.push({ name, called, problem: reasonOf(error).replace(`${called}: `, '') })
  }
}

function suggestion(name: string): string {
  const near = nearestSetting(name)
  return near === undefined ? '' : `; do you mean ${variableOf(near)}?`
}
