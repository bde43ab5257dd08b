import type { SettingName, Settings } from './settings.ts'
import { cleanTopicPrefix } from './topic-prefix.ts'

const ENCODED = ' (with % and other special characters written as %25 and so on)'
const SHORTEST_CONFIG_KEY = 16

/** Something wrong with a setting whose type is right. */
export interface Problem {
  readonly name: SettingName
  readonly problem: string
}

/** A rule that more than one setting, or more than a type, is needed for; gives what is wrong, after the name. */
type Check = readonly [SettingName, (settings: Settings, nameOf: NameOf) => string | undefined]

/** What people call a setting, depending on where it comes from. */
type NameOf = (name: SettingName) => string

const CHECKS: readonly Check[] = [
  [
    'database_url',
    ({ database_url }) =>
      isUrl(database_url, ['postgres:', 'postgresql:'])
        ? undefined
        : `is not of the form postgres://user:password@host:5432/database${ENCODED}`,
  ],
  ['redis_url', ({ redis_url }) => redisUrlProblem(redis_url)],
  [
    'hmac_secret_key',
    ({ use_hmac, hmac_secret_key }, nameOf) =>
      use_hmac && hmac_secret_key === ''
        ? `is missing although ${nameOf('use_hmac')} is true; nothing is sent unsigned`
        : undefined,
  ],
  [
    'username',
    ({ username, password }) =>
      password !== '' && username === '' ? 'is missing although a password is set' : undefined,
  ],
  [
    'broker_host',
    ({ broker_host }) =>
      /[/@\s]/.test(broker_host) ? 'is a name or an address alone, without mqtt://, user or port' : undefined,
  ],
  [
    'broker_path',
    ({ broker_path }) => (broker_path.startsWith('/') ? undefined : 'begins with a slash, such as /mqtt'),
  ],
  ['broker_protocol', plainProblem],
  ['tls_key_file', ({ tls_cert_file, tls_key_file }) => pairProblem(tls_cert_file, tls_key_file)],
  ['tls_cert_file', ({ tls_cert_file, tls_key_file }) => pairProblem(tls_key_file, tls_cert_file)],
  ['redis_key_file', ({ redis_cert_file, redis_key_file }) => pairProblem(redis_cert_file, redis_key_file)],
  ['redis_cert_file', ({ redis_cert_file, redis_key_file }) => pairProblem(redis_key_file, redis_cert_file)],
  [
    'config_key',
    ({ config_key }) =>
      config_key !== '' && config_key.length < SHORTEST_CONFIG_KEY
        ? `is shorter than ${SHORTEST_CONFIG_KEY} characters; openssl rand -base64 32 makes one`
        : undefined,
  ],
  [
    'topic_prefix',
    ({ topic_prefix }) => {
      const prefix = cleanTopicPrefix(topic_prefix)
      return 'problem' in prefix ? `${JSON.stringify(topic_prefix)} ${prefix.problem}` : undefined
    },
  ],
]

/** What is wrong with settings whose types are right. */
export function checkSettings(settings: Settings, nameOf: NameOf): Problem[] {
  return CHECKS.flatMap(([name, check]) => {
    const problem = check(settings, nameOf)
    return problem === undefined ? [] : [{ name, problem: `${nameOf(name)}: ${problem}` }]
  })
}

/** What is wrong with a URL of Redis. */
export function redisUrlProblem(url: string): string | undefined {
  if (!isUrl(url, ['redis:', 'rediss:'])) return `is not of the form redis://user:password@host:6379/1${ENCODED}`
  if (/^\/?\d{0,5}$/.test(new URL(url).pathname)) return undefined
  return 'the part after the port is the number of a database, such as /1'
}

// Who names certificates means to use them; without TLS the password would be sent for everybody to read.
function plainProblem(settings: Settings, nameOf: NameOf): string | undefined {
  if (settings.broker_protocol === 'mqtts' || settings.broker_protocol === 'wss') return undefined
  const named = (['tls_ca_file', 'tls_cert_file'] as const).find((name) => settings[name] !== '')
  if (named === undefined) return undefined
  const secure = settings.broker_protocol === 'ws' ? 'wss' : 'mqtts'
  return `is ${settings.broker_protocol}, without TLS, although ${nameOf(named)} is set; ${secure} is with TLS`
}

function pairProblem(one: string, other: string): string | undefined {
  return one !== '' && other === '' ? 'is missing; certificate and key belong together' : undefined
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
