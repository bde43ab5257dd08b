import type { Settings } from '../config/settings.ts'
import { AppError, codeOf, reasonOf } from '../errors.ts'
import { explain, faultOf, type TlsFault, type TlsWords, type Trouble, tlsCode } from '../tls/fault.ts'
import { type CertificateReport, describe, lookAtPeer, type PeerReport } from '../tls/peer.ts'
import { brokerAddress, FILE_SETTINGS, readBrokerFiles, tlsOptions, usesTls, usesWebSocket } from './connect-options.ts'

/** Errors of a connection that never stood: nothing was said about TLS yet. */
const NOT_REACHED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ERR_SOCKET_CONNECTION_TIMEOUT)$/
/** Errors after which only another look can tell: the other side hung up without a word. */
const HUNG_UP = /closed the connection|socket hang up|ECONNRESET|EPIPE|before secure TLS|Parse Error|connack timeout/
/** Longest look for a TLS that nobody spoke of, in milliseconds. */
const GLANCE_MS = 1_000

/**
 * Looks at the broker's certificate: connects, with TLS whatever the protocol is, and says nothing. For diagnosis: it
 * tells what is wrong instead of failing, and shows the certificate even when it is not to be trusted.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when a certificate file of ours cannot be used, or the error of a connection
 *   that came to no TLS handshake
 */
export async function inspectBroker(settings: Settings, signal: AbortSignal): Promise<PeerReport> {
  const { broker_host: host, broker_port: port } = settings
  return await lookAtPeer({ host, port, ...tlsOptions(settings, readBrokerFiles(settings)) }, signal)
}

/** What is wrong in a report of {@link inspectBroker}; undefined when nothing is. */
export function troubleIn(settings: Settings, peer: PeerReport): Trouble | undefined {
  if (settings.tls_verify && peer.authorizationError !== undefined) {
    return named(settings, faultOf(peer.authorizationError) ?? 'not trusted', peer.authorizationError, peer)
  }
  const fault = faultOf(peer.refusal)
  return fault === undefined ? undefined : named(settings, fault, tlsCode(peer.refusal), peer)
}

/**
 * Why no connection came about, as far as files, TLS and WebSocket are concerned; undefined when the trouble lies
 * elsewhere. Looks at the broker once more where the error alone does not tell.
 *
 * @param error what {@link Link.open} has thrown
 */
export async function connectTrouble(
  settings: Settings,
  error: unknown,
  signal: AbortSignal,
): Promise<Trouble | undefined> {
  if (error instanceof AppError) return { why: error.message, todo: error.hint ?? '' }
  if (typeof (error as { code?: unknown } | null)?.code === 'number') return undefined // the broker's own answer
  if (NOT_REACHED.test(codeOf(error) ?? '')) return undefined
  const trouble = usesTls(settings)
    ? await secureTrouble(settings, error, signal)
    : await plainTrouble(settings, error, signal)
  return trouble ?? (usesWebSocket(settings) ? webSocketTrouble(settings, error) : undefined)
}

async function secureTrouble(settings: Settings, error: unknown, signal: AbortSignal): Promise<Trouble | undefined> {
  const fault = faultOf(error)
  const code = tlsCode(error)
  if (fault === undefined && !HUNG_UP.test(`${code} ${reasonOf(error)}`)) return undefined
  let peer: PeerReport
  try {
    peer = await inspectBroker(settings, signal)
  } catch (second) {
    const found = faultOf(second) ?? fault
    if (found !== undefined) return named(settings, found, faultOf(second) === undefined ? code : tlsCode(second))
    // Nobody who speaks TLS hangs up on the first word of it.
    return HUNG_UP.test(`${codeOf(second) ?? ''} ${reasonOf(second)}`) ? named(settings, 'not TLS', code) : undefined
  }
  return troubleIn(settings, peer) ?? (fault === undefined ? undefined : named(settings, fault, code, peer))
}

// Who sends MQTT to a port for TLS is hung up on, and so is whoever a broker does not want: a look tells which.
async function plainTrouble(settings: Settings, error: unknown, signal: AbortSignal): Promise<Trouble | undefined> {
  if (!HUNG_UP.test(`${codeOf(error) ?? ''} ${reasonOf(error)}`)) return undefined
  try {
    await inspectBroker(settings, AbortSignal.any([signal, AbortSignal.timeout(GLANCE_MS)]))
  } catch {
    return undefined // no TLS there, so that is not the trouble
  }
  const secure = usesWebSocket(settings) ? 'wss' : 'mqtts'
  return {
    why: `what listens at ${brokerAddress(settings)} speaks TLS, and we do not`,
    todo: `set NEMO_MQTT_BROKER_PROTOCOL=${secure}`,
  }
}

function webSocketTrouble(settings: Settings, error: unknown): Trouble | undefined {
  const why = reasonOf(error)
  const status = /Unexpected server response: (\d+)/.exec(why)?.[1]
  if (status !== undefined) {
    const todo =
      status === '401' || status === '403'
        ? 'the web server before the broker wants to know who we are, which is not supported: let it pass this path'
        : 'correct NEMO_MQTT_BROKER_PATH, or start the broker behind it'
    return { why: `the web server at ${brokerAddress(settings)} answers ${status} instead of a WebSocket`, todo }
  }
  if (/subprotocol/i.test(why)) {
    const todo = 'correct NEMO_MQTT_BROKER_PATH: another program answers there'
    return { why: `the WebSocket at ${brokerAddress(settings)} does not speak MQTT`, todo }
  }
  if (!HUNG_UP.test(`${codeOf(error) ?? ''} ${why}`)) return undefined
  const todo = `correct the port, or set NEMO_MQTT_BROKER_PROTOCOL=${usesTls(settings) ? 'mqtts' : 'mqtt'}`
  return { why: `what listens at ${brokerAddress(settings)} does not speak WebSocket`, todo }
}

function named(settings: Settings, fault: TlsFault, code: string, peer?: PeerReport): Trouble {
  return explain(fault, wordsFor(settings), { code, peer, own: ownCertificate(settings) })
}

function ownCertificate(settings: Settings): CertificateReport | undefined {
  try {
    const { own } = readBrokerFiles(settings)
    return own === undefined ? undefined : describe(own)
  } catch {
    return undefined // it is being replaced at this moment; the next attempt says more
  }
}

function wordsFor(settings: Settings): TlsWords {
  const { broker_host, broker_port, tls_server_name, tls_cert_file } = settings
  return {
    who: 'the broker',
    at: `${broker_host}:${broker_port}`,
    host: tls_server_name === '' ? broker_host : tls_server_name,
    hasOwn: tls_cert_file !== '',
    ca: FILE_SETTINGS.ca,
    cert: `${FILE_SETTINGS.cert} and ${FILE_SETTINGS.key}`,
    name: 'set NEMO_MQTT_BROKER_HOST or NEMO_MQTT_TLS_SERVER_NAME to it',
    plain: `set NEMO_MQTT_BROKER_PROTOCOL=${usesWebSocket(settings) ? 'ws' : 'mqtt'}`,
  }
}
