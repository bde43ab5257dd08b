import { Ajv, type ErrorObject } from 'ajv'
import { AppError, reasonOf } from '../errors.ts'
import { secretFrom } from './secret.ts'
import { REDIS_URL, SECRET_NAMES, SETTINGS, type SettingName, type Settings } from './settings.ts'
import { cleanTopicPrefix } from './topic-prefix.ts'

const PREFIX = 'NEMO_MQTT_'
/** Variables of `nemo-mqtt migrate`, which may stand in the same file of environment variables. */
const OF_OTHER_COMMANDS: ReadonlySet<string> = new Set(['service_password', 'service_password_file'])
const ENCODED = ' (with % and other special characters written as %25 and so on)'
const validate = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true, strict: false }).compile(SETTINGS)

/**
 * Reads the settings from environment variables, `NEMO_MQTT_<NAME>`; a secret also from the file that
 * `NEMO_MQTT_<NAME>_FILE` names, without the line ends at its end.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG that names every problem at once, and no value of a secret
 */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const problems: string[] = []
  const given: Record<string, unknown> = {}
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || value === undefined) continue
    const name = variable.slice(PREFIX.length).toLowerCase()
    if (isSetting(name)) {
      if (value !== '' || name === 'topic_prefix') given[name] = value
    } else if (SECRET_NAMES.some((secret) => name === `${secret}_file`)) {
      readSecret(environment, variable.slice(0, -'_FILE'.length), given, problems)
    } else if (!OF_OTHER_COMMANDS.has(name)) {
      problems.push(`${variable}: there is no such setting${suggestion(name)}`)
    }
  }
  const spelled = { ...given }
  if (!validate(given)) problems.push(...(validate.errors ?? []).map((error) => describe(error, spelled)))
  const settings = given as Settings
  if (problems.length === 0) problems.push(...checkTogether(settings))
  if (problems.length > 0) {
    throw new AppError(
      'NEMO_MQTT_ERR_CONFIG',
      `the settings cannot be used:\n${problems.map((p) => `  ${p}`).join('\n')}`,
      {
        hint: 'correct the environment variables; the README lists every setting with its default',
      },
    )
  }
  const prefix = cleanTopicPrefix(settings.topic_prefix)
  return Object.freeze({
    ...settings,
    topic_prefix: 'prefix' in prefix ? prefix.prefix : settings.topic_prefix,
    redis_url: withDatabase(settings.redis_url),
  })
}

/** The values that must never be shown, passwords inside URLs included. */
export function secretsOf(settings: Settings): string[] {
  const secrets: string[] = []
  for (const name of SECRET_NAMES) {
    const value = String(settings[name])
    if (!name.endsWith('_url')) secrets.push(value)
    else if (URL.canParse(value)) secrets.push(...passwordsIn(new URL(value)))
  }
  return [...new Set(secrets)].filter((secret) => secret !== '')
}

/** The URL of Redis alone, for commands that need nothing else. @throws AppError NEMO_MQTT_ERR_CONFIG */
export function redisUrl(environment: NodeJS.ProcessEnv): string {
  const url = secretFrom(environment, `${PREFIX}REDIS_URL`) ?? REDIS_URL
  const problem = redisUrlProblem(url)
  if (problem !== undefined) throw new AppError('NEMO_MQTT_ERR_CONFIG', problem)
  return withDatabase(url)
}

function readSecret(
  environment: NodeJS.ProcessEnv,
  variable: string,
  given: Record<string, unknown>,
  problems: string[],
): void {
  if (environment[variable]) {
    problems.push(`${variable}_FILE: ${variable} is set too; keep one of them`)
    return
  }
  try {
    const secret = secretFrom(environment, variable)
    if (secret !== undefined) given[variable.slice(PREFIX.length).toLowerCase()] = secret
  } catch (error) {
    problems.push(reasonOf(error))
  }
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS.properties, name)
}

function describe(error: ErrorObject, given: Readonly<Record<string, unknown>>): string {
  const name = error.keyword === 'required' ? String(error.params.missingProperty) : error.instancePath.slice(1)
  const variable = PREFIX + name.toUpperCase()
  if (error.keyword === 'required') return `${variable}: is missing`
  const setting = isSetting(name) ? SETTINGS.properties[name] : undefined
  const found = setting !== undefined && 'secret' in setting ? 'its value' : JSON.stringify(given[name])
  return `${variable}: ${found} ${error.message ?? 'is not valid'}`
}

function checkTogether(settings: Settings): string[] {
  const problems: string[] = []
  if (!isUrl(settings.database_url, ['postgres:', 'postgresql:'])) {
    problems.push(`${PREFIX}DATABASE_URL: is not of the form postgres://user:password@host:5432/database${ENCODED}`)
  }
  const redisProblem = redisUrlProblem(settings.redis_url)
  if (redisProblem !== undefined) problems.push(redisProblem)
  if (settings.use_hmac && settings.hmac_secret_key === '') {
    problems.push(`${PREFIX}HMAC_SECRET_KEY: is missing although ${PREFIX}USE_HMAC is true; nothing is sent unsigned`)
  }
  if (settings.password !== '' && settings.username === '') {
    problems.push(`${PREFIX}USERNAME: is missing although a password is set`)
  }
  if (/[/@\s]/.test(settings.broker_host)) {
    problems.push(`${PREFIX}BROKER_HOST: is a name or an address alone, without mqtt://, user or port`)
  }
  const prefix = cleanTopicPrefix(settings.topic_prefix)
  if ('problem' in prefix) {
    problems.push(`${PREFIX}TOPIC_PREFIX: ${JSON.stringify(settings.topic_prefix)} ${prefix.problem}`)
  }
  return problems
}

function redisUrlProblem(url: string): string | undefined {
  if (!isUrl(url, ['redis:', 'rediss:'])) {
    return `${PREFIX}REDIS_URL: is not of the form redis://user:password@host:6379/1${ENCODED}`
  }
  if (/^\/?\d{0,5}$/.test(new URL(url).pathname)) return undefined
  return `${PREFIX}REDIS_URL: the part after the port is the number of a database, such as /1`
}

// As it stands in the URL too: not everybody encodes alike. pg takes a password from the query as well.
function passwordsIn(url: URL): string[] {
  return [url.password, decodeURIComponent(url.password), ...url.searchParams.getAll('password')]
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return protocols.includes(protocol) && isEncoded(username) && isEncoded(password)
}

/** Whether every % begins a byte; the drivers decode user and password, and a bare % would end the process there. */
function isEncoded(part: string): boolean {
  try {
    decodeURIComponent(part)
    return true
  } catch {
    return false // URIError, the only one there is
  }
}

// Database 0 is everybody's; without a number the driver would take it.
function withDatabase(url: string): string {
  const parsed = new URL(url)
  if (parsed.pathname === '' || parsed.pathname === '/') parsed.pathname = '/1'
  return parsed.href
}

function suggestion(name: string): string {
  const near = Object.keys(SETTINGS.properties).find((known) => known.includes(name) || name.includes(known))
  return near === undefined ? '' : `; do you mean ${PREFIX}${near.toUpperCase()}?`
}
