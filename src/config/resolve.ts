import { Ajv, type ErrorObject } from 'ajv'
import { checkSettings } from './checks.ts'
import { inWords, type Problem, SettingsError } from './problem.ts'
import { isSetting, SECRET_NAMES, SETTINGS, type SettingName, type Settings, STORABLE_NAMES } from './settings.ts'
import { cleanTopicPrefix } from './topic-prefix.ts'

/** Settings from one place: the environment, or a stored configuration. */
export interface Source {
  /** By name of setting; as they were written, so that a number may be a text. */
  readonly values: Readonly<Record<string, unknown>>
  /** What is wrong with them already. */
  readonly problems: readonly Problem[]
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

/** Every problem that these settings have; none when they can be used. Texts name no value of a secret. */
export function problemsOf(environment: Source, stored?: Source): readonly Problem[] {
  const { problems, found } = examine(environment, stored)
  return [...problems, ...found]
}

function resolve(environment: Source, stored: Source | undefined, isFatal: (name: SettingName) => boolean): Settings {
  const { settings, problems, found } = examine(environment, stored)
  if (problems.length > 0 || found.some(({ name }) => isFatal(name))) {
    throw configError([...problems, ...found], stored !== undefined)
  }
  return Object.freeze({
    ...settings,
    topic_prefix: cleaned(settings.topic_prefix),
    display_prefix: cleaned(settings.display_prefix),
    redis_url: withDatabase(settings.redis_url),
  })
}

function cleaned(given: string): string {
  const prefix = cleanTopicPrefix(given)
  return 'prefix' in prefix ? prefix.prefix : given
}

/** The settings, what each of the sources and the types say against them, and what is wrong beyond that. */
function examine(environment: Source, stored: Source | undefined) {
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
  // The others are looked at all the same, so that nobody meets the second problem after mending the first.
  const wrong = new Set(problems.map(({ name }) => name))
  for (const name of wrong) if (isSetting(name)) given[name] = defaultOf(name) ?? ''
  const settings = given as Settings
  const found = checkSettings(settings, nameOf).filter(({ name }) => !wrong.has(name))
  return { settings, problems, found }
}

/** What a setting is when nobody says anything. */
export function defaultOf(name: SettingName): unknown {
  return (SETTINGS.properties[name] as { readonly default?: unknown }).default
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

function configError(problems: readonly Problem[], isStored: boolean): SettingsError {
  const list = problems.map((problem) => `  ${inWords(problem)}`).join('\n')
  return new SettingsError(`the settings cannot be used:\n${list}`, problems, {
    hint: `correct ${isStored ? 'them (nemo-mqtt config set NAME key=value)' : 'the environment variables'}; the README lists every setting with its default`,
  })
}

function describe(
  error: ErrorObject,
  given: Readonly<Record<string, unknown>>,
  nameOf: (name: SettingName) => string,
): Problem {
  const name = error.keyword === 'required' ? String(error.params.missingProperty) : error.instancePath.slice(1)
  if (!isSetting(name)) return { name, called: name || 'the settings', problem: error.message ?? 'cannot be used' }
  return { name, called: nameOf(name), problem: wordsFor(error, name, given[name]) }
}

function wordsFor({ keyword, message }: ErrorObject, name: SettingName, value: unknown): string {
  if (keyword === 'required') return 'is missing'
  const found = 'secret' in SETTINGS.properties[name] ? 'its value' : JSON.stringify(value)
  if (keyword === 'anyOf') return `${found} is none of ${wordsOf(name).join(', ')}`
  return `${found} ${message ?? 'is not valid'}`
}

/** The words of a setting that is a choice of some; none of any other. */
export function wordsOf(name: SettingName): string[] {
  const { anyOf = [] } = SETTINGS.properties[name] as { readonly anyOf?: ReadonlyArray<{ readonly const: string }> }
  return anyOf.map((choice) => choice.const)
}

// As it stands in the URL too: not everybody encodes alike. pg takes a password from the query as well.
function passwordsIn(url: URL): string[] {
  return [url.password, decodeURIComponent(url.password), ...url.searchParams.getAll('password')]
}
