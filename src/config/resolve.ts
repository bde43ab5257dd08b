import { Ajv, type ErrorObject } from 'ajv'
import { AppError } from '../errors.ts'
import { checkSettings } from './checks.ts'
import { isSetting, SECRET_NAMES, SETTINGS, type SettingName, type Settings, STORABLE_NAMES } from './settings.ts'
import { cleanTopicPrefix } from './topic-prefix.ts'

/** Settings from one place: the environment, or a stored configuration. */
export interface Source {
  /** By name of setting; as they were written, so that a number may be a text. */
  readonly values: Readonly<Record<string, unknown>>
  /** What is wrong with them already. */
  readonly problems: readonly string[]
  /** What people call a setting of this source. */
  readonly nameOf: (name: SettingName) => string
}

const validate = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true, strict: false }).compile(SETTINGS)

/**
 * The settings in force: what the environment says wins, then what the enabled configuration says, then the default.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG that names every problem of both sources at once, and no value of a secret
 */
export function resolveSettings(environment: Source, stored?: Source): Settings {
  return resolve(environment, stored, () => true)
}

/**
 * What the service needs before it can ask PostgreSQL for a stored configuration. Fails on what no configuration could
 * mend; the rest waits for {@link resolveSettings}.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG
 */
export function resolveMachineSettings(environment: Source): Settings {
  return resolve(environment, undefined, (name) => !STORABLE_NAMES.includes(name))
}

function resolve(environment: Source, stored: Source | undefined, isFatal: (name: SettingName) => boolean): Settings {
  const given: Record<string, unknown> = { ...stored?.values, ...environment.values }
  const spelled = { ...given }
  // What is nowhere is missing where it can be mended: in the configuration, if there is one.
  const nameOf = (name: SettingName): string => {
    const isFixed = Object.hasOwn(environment.values, name) || !STORABLE_NAMES.includes(name)
    return (isFixed || stored === undefined ? environment : stored).nameOf(name)
  }
  const problems = [...environment.problems, ...(stored?.problems ?? [])]
  if (!validate(given)) {
    // Of a choice each word is an error of its own; what they have in common says it all.
    const errors = (validate.errors ?? []).filter(({ schemaPath }) => !schemaPath.includes('/anyOf/'))
    problems.push(...errors.map((error) => describe(error, spelled, nameOf)))
  }
  const settings = given as Settings
  const found = problems.length === 0 ? checkSettings(settings, nameOf) : []
  if (problems.length > 0 || found.some(({ name }) => isFatal(name))) {
    throw configError([...problems, ...found.map(({ problem }) => problem)], stored !== undefined)
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

/** The same for what one source says, before it is known whether it can be used. */
export function secretsOfSource({ values }: Source): string[] {
  const none = Object.fromEntries(SECRET_NAMES.map((name) => [name, '']))
  return secretsOf({ ...none, ...values } as Settings)
}

/** Database 0 of Redis is everybody's, and without a number the driver would take it: ours is 1. */
export function withDatabase(redisUrl: string): string {
  const parsed = new URL(redisUrl)
  if (parsed.pathname === '' || parsed.pathname === '/') parsed.pathname = '/1'
  return parsed.href
}

function configError(problems: readonly string[], isStored: boolean): AppError {
  const list = problems.map((problem) => `  ${problem}`).join('\n')
  return new AppError('NEMO_MQTT_ERR_CONFIG', `the settings cannot be used:\n${list}`, {
    hint: `correct ${isStored ? 'them (nemo-mqtt config set NAME key=value)' : 'the environment variables'}; the README lists every setting with its default`,
  })
}

function describe(
  error: ErrorObject,
  given: Readonly<Record<string, unknown>>,
  nameOf: (name: SettingName) => string,
): string {
  const name = error.keyword === 'required' ? String(error.params.missingProperty) : error.instancePath.slice(1)
  if (!isSetting(name)) return `${name || 'the settings'}: ${error.message ?? 'cannot be used'}`
  if (error.keyword === 'required') return `${nameOf(name)}: is missing`
  const found = 'secret' in SETTINGS.properties[name] ? 'its value' : JSON.stringify(given[name])
  if (error.keyword === 'anyOf') return `${nameOf(name)}: ${found} is none of ${wordsOf(name).join(', ')}`
  return `${nameOf(name)}: ${found} ${error.message ?? 'is not valid'}`
}

function wordsOf(name: SettingName): string[] {
  const { anyOf = [] } = SETTINGS.properties[name] as { readonly anyOf?: ReadonlyArray<{ readonly const: string }> }
  return anyOf.map((choice) => choice.const)
}

// As it stands in the URL too: not everybody encodes alike. pg takes a password from the query as well.
function passwordsIn(url: URL): string[] {
  return [url.password, decodeURIComponent(url.password), ...url.searchParams.getAll('password')]
}
