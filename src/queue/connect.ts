import type { ConnectionOptions } from 'node:tls'
import { Redis, type RedisOptions } from 'ioredis'
import type { RedisSettings } from '../config/settings.ts'
import { AppError, codeOf, reasonOf } from '../errors.ts'
import { explain, faultOf, type TlsWords, type Trouble, tlsCode } from '../tls/fault.ts'
import { readTlsFiles, type TlsFiles } from '../tls/files.ts'
import { type CertificateReport, describe, lookAtPeer, nameOptions, type PeerReport } from '../tls/peer.ts'

/** Longest wait for one answer of Redis, in milliseconds; after it the connection counts as dead. */
const ANSWER_MS = 5_000
/** Longest look for a TLS that nobody spoke of, and longest look at a certificate, in milliseconds. */
const GLANCE_MS = 500
const LOOK_MS = 2_000

/** Where Redis is and what it is reached with; the URL alone where there are no certificate files. */
export type RedisPlace = string | RedisSettings

/** What a client of Redis is called there, and how long it waits for one answer, in milliseconds. */
export interface RedisClient {
  readonly name?: string
  readonly answerMs?: number
}

const NAMES: TlsFiles['names'] = {
  ca: 'NEMO_MQTT_REDIS_CA_FILE',
  cert: 'NEMO_MQTT_REDIS_CERT_FILE',
  key: 'NEMO_MQTT_REDIS_KEY_FILE',
}

/**
 * A client that connects once and never again, and keeps nothing for later; not connected yet. Every connection to
 * Redis is made here. Reads the certificate files, so that renewed ones are used by the next connection.
 *
 * @throws AppError NEMO_MQTT_ERR_REDIS when a certificate file cannot be used
 */
export function createRedis(place: RedisPlace, { name = 'nemo-mqtt', answerMs = ANSWER_MS }: RedisClient = {}): Redis {
  return new Redis(urlOf(place), {
    lazyConnect: true,
    connectionName: name,
    connectTimeout: answerMs,
    commandTimeout: answerMs,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true, // a courtesy that every connection would pay for
    enableReadyCheck: false, // INFO may be forbidden; a Redis that still loads refuses the claim, and that is enough
    ...(isSecure(place) ? { tls: tlsOptions(place) as RedisOptions['tls'] } : {}),
  } as RedisOptions)
}

/**
 * What TLS has to do with a connection that failed; undefined when it has nothing. Looks at the certificate of Redis
 * once more, to tell whose it is and until when.
 */
export async function redisTlsTrouble(place: RedisPlace, error: unknown): Promise<Trouble | undefined> {
  if (!isSecure(place)) {
    // A Redis without TLS does not answer this look at all, and the next attempt must not wait for it.
    return isHungUp(error) && (await look(place, GLANCE_MS)).peer !== undefined ? withoutTls(place) : undefined
  }
  const first = faultOf(error)
  if (first === undefined && !isHungUp(error) && codeOf(error) !== 'ETIMEDOUT') return undefined
  const { peer, failure } = await look(place, LOOK_MS)
  const second = peer?.authorizationError ?? peer?.refusal ?? failure
  const cause = first === undefined ? second : error
  const fault = faultOf(cause) ?? (isHungUp(failure) ? 'not TLS' : undefined)
  if (fault === undefined) return undefined
  return explain(fault, wordsFor(place), { code: tlsCode(cause), peer, own: ownCertificate(place) })
}

function wordsFor(place: RedisPlace): TlsWords {
  const { hostname, host } = new URL(urlOf(place))
  return {
    who: 'Redis',
    at: host,
    host: hostname,
    hasOwn: filesOf(place).cert !== '',
    ca: NAMES.ca,
    cert: `${NAMES.cert} and ${NAMES.key}`,
    name: 'write that host in NEMO_MQTT_REDIS_URL',
    plain: 'write redis:// in NEMO_MQTT_REDIS_URL',
  }
}

function withoutTls(place: RedisPlace): Trouble {
  const why = `what listens at ${new URL(urlOf(place)).host} speaks TLS, and we do not`
  return { why, todo: 'write rediss:// instead of redis:// in NEMO_MQTT_REDIS_URL' }
}

function ownCertificate(place: RedisPlace): CertificateReport | undefined {
  try {
    const { own } = readTlsFiles(filesOf(place))
    return own === undefined ? undefined : describe(own)
  } catch {
    return undefined // it is being replaced at this moment; the next attempt says more
  }
}

async function look(place: RedisPlace, longestMs: number): Promise<{ peer?: PeerReport; failure?: unknown }> {
  const { hostname, port } = new URL(urlOf(place))
  const address = { host: withoutBrackets(hostname), port: port === '' ? 6379 : Number(port) }
  try {
    return { peer: await lookAtPeer({ ...address, ...tlsOptions(place) }, AbortSignal.timeout(longestMs)) }
  } catch (failure) {
    return { failure }
  }
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

function tlsOptions(place: RedisPlace): ConnectionOptions {
  const host = withoutBrackets(new URL(urlOf(place)).hostname)
  try {
    return { ...readTlsFiles(filesOf(place)).material, ...nameOptions(host, ''), minVersion: 'TLSv1.2' }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    throw new AppError('NEMO_MQTT_ERR_REDIS', `Redis: ${error.message}`, { cause: error, ...hint })
  }
}

function filesOf(place: RedisPlace): TlsFiles {
  if (typeof place === 'string') return { ca: '', cert: '', key: '', names: NAMES }
  const { redis_ca_file: ca, redis_cert_file: cert, redis_key_file: key } = place
  return { ca, cert, key, names: NAMES }
}

function urlOf(place: RedisPlace): string {
  return typeof place === 'string' ? place : place.redis_url
}

function isSecure(place: RedisPlace): boolean {
  return urlOf(place).startsWith('rediss:')
}

function isHungUp(error: unknown): boolean {
  if (error === undefined) return false
  return /ECONNRESET|EPIPE|was closed|is closed|before secure TLS/.test(`${codeOf(error) ?? ''} ${reasonOf(error)}`)
}
