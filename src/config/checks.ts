import { BlockList, isIP } from 'node:net'
import { CHOICE_RULES } from '../choose/problems.ts'
import { reasonOf } from '../errors.ts'
import type { Problem } from './problem.ts'
import type { SettingName, Settings } from './settings.ts'
import { cleanTopicPrefix } from './topic-prefix.ts'

const ENCODED = ' (with % and other special characters written as %25 and so on)'
const SHORTEST_CONFIG_KEY = 16
const SHORTEST_PASSWORD = 12

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
  ['http_host', ({ http_host }) => httpHostProblem(http_host)],
  ['http_host', openProblem],
  ['http_public_url', ({ http_public_url }) => publicUrlProblem(http_public_url)],
  ['http_admin_password', ({ http_admin_password }) => passwordProblem(http_admin_password)],
  ['http_viewer_password', ({ http_viewer_password }) => passwordProblem(http_viewer_password)],
  ['http_trusted_proxies', ({ http_trusted_proxies }) => networksProblem(http_trusted_proxies)],
  [
    'http_user_header',
    ({ http_user_header, http_trusted_proxies }, nameOf) => {
      if (!/^[A-Za-z0-9-]*$/.test(http_user_header)) return 'is no name of a header'
      return http_user_header !== '' && http_trusted_proxies === ''
        ? `is set, but ${nameOf('http_trusted_proxies')} is not: everybody could send this header`
        : undefined
    },
  ],
  ['topic_prefix', ({ topic_prefix }) => prefixProblem(topic_prefix)],
  ['display_prefix', ({ display_prefix }) => (display_prefix === '' ? undefined : prefixProblem(display_prefix))],
  ...CHOICE_RULES,
]

/** Whether an address is the machine's own, which nobody else reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** The items of a list with commas or spaces between them. */
export function listed(text: string): string[] {
  return text.split(/[\s,]+/).filter((item) => item !== '')
}

/** Addresses and networks as a list that an address can be looked up in. @throws when one is neither */
export function networksOf(text: string): BlockList {
  const networks = new BlockList()
  for (const item of listed(text)) {
    const [address = '', bits] = item.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (isIP(address) === 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) throw new Error(item)
    if (bits === undefined) networks.addAddress(address, family)
    else networks.addSubnet(address, Number(bits), family)
  }
  return networks
}

/** A password as `nemo-mqtt password` prints it: `scrypt:`, salt and hash, so that the environment has none to read. */
export const HASHED_PASSWORD = /^scrypt:([A-Za-z0-9_-]{22}):([A-Za-z0-9_-]{43})$/

/** What is wrong with settings whose types are right. */
export function checkSettings(settings: Settings, nameOf: NameOf): Array<Problem & { readonly name: SettingName }> {
  return CHECKS.flatMap(([name, check]) => {
    const problem = check(settings, nameOf)
    return problem === undefined ? [] : [{ name, called: nameOf(name), problem }]
  })
}

/** What is wrong with a URL of Redis. */
export function redisUrlProblem(url: string): string | undefined {
  if (!isUrl(url, ['redis:', 'rediss:'])) return `is not of the form redis://user:password@host:6379/1${ENCODED}`
  if (/^\/?\d{0,5}$/.test(new URL(url).pathname)) return undefined
  return 'the part after the port is the number of a database, such as /1'
}

function httpHostProblem(host: string): string | undefined {
  if (isIP(host) !== 0 || host === 'localhost') return undefined
  return `${JSON.stringify(host)} is no address, such as 127.0.0.1, 0.0.0.0 or ::`
}

// An open port without a question is how things get public.
function openProblem(settings: Settings, nameOf: NameOf): string | undefined {
  const { http_host, http_port, http_admin_password, http_viewer_password, http_user_header } = settings
  if (http_port === 0 || isLoopback(http_host) || `${http_admin_password}${http_viewer_password}` !== '')
    return undefined
  if (http_user_header !== '') return undefined
  return `${http_host} can be reached by others; set ${nameOf('http_admin_password')} or ${nameOf('http_viewer_password')}`
}

function publicUrlProblem(url: string): string | undefined {
  if (url === '') return undefined
  const isUsable = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
  if (isUsable && new URL(url).search === '' && new URL(url).hash === '' && new URL(url).username === '')
    return undefined
  return `${JSON.stringify(url)} is not of the form https://nemo.example.org or https://nemo.example.org/path`
}

/** What is wrong with a password of the pages, or the hash of one. */
export function passwordProblem(password: string): string | undefined {
  if (password === '' || HASHED_PASSWORD.test(password)) return undefined
  if (password.startsWith('scrypt:')) return 'is damaged; nemo-mqtt password makes one'
  return password.length < SHORTEST_PASSWORD ? `is shorter than ${SHORTEST_PASSWORD} characters` : undefined
}

function networksProblem(text: string): string | undefined {
  try {
    networksOf(text)
    return undefined
  } catch (error) {
    return `${JSON.stringify(reasonOf(error))} is no address and no network; 127.0.0.1, 10.1.0.0/16 and fd00::/8 are`
  }
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

function prefixProblem(given: string): string | undefined {
  const prefix = cleanTopicPrefix(given)
  return 'problem' in prefix ? `${JSON.stringify(given)} ${prefix.problem}` : undefined
}
