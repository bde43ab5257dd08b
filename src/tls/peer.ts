import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import tls, { type ConnectionOptions, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { reasonOf, toError } from '../errors.ts'

/** Longest look at a certificate, in milliseconds. */
const LOOK_MS = 5_000
/** Longest wait for a word against our own certificate, in milliseconds: under TLS 1.3 it comes after the handshake. */
const REFUSAL_MS = 1_000
const MOST_ISSUERS = 10

/** Code of the error of {@link lookAtPeer} when somebody is there, but says nothing. */
const NO_TLS_ANSWER = 'ERR_NO_TLS_ANSWER'

/** A certificate in words. */
export interface CertificateReport {
  /** Such as `CN=mqtt.example.org, O=Laboratory`. */
  readonly subject: string
  readonly issuer: string
  readonly validFrom: Date
  readonly validTo: Date
  /** The names and addresses that it is for. */
  readonly names: readonly string[]
}

/** What a server shows when it is connected to, whether or not it is to be trusted. */
export interface PeerReport extends CertificateReport {
  /** Why it is not trusted, a code of OpenSSL or Node such as `CERT_HAS_EXPIRED`; undefined when it is. */
  readonly authorizationError: string | undefined
  /** What the server says against our own certificate, or against having none; undefined when it takes us. */
  readonly refusal: Error | undefined
  /** The certificates above its own, as far as they are known here. */
  readonly issuers: readonly CertificateReport[]
  /** Such as `TLSv1.3`. */
  readonly protocol: string | null
}

/** The options by which a name is asked for and checked: SNI has no addresses (RFC 6066, section 3). */
export function nameOptions(host: string, serverName: string): ConnectionOptions {
  const name = serverName === '' ? host : serverName
  if (isIP(name) === 0) return { servername: name }
  const servername = isIP(host) === 0 ? host : ''
  return { servername, checkServerIdentity: (_host, cert) => tls.checkServerIdentity(name, cert) }
}

/**
 * Connects once, whatever the certificate is, and tells what it says; sends nothing.
 *
 * @param options those of the real connection: host and port, or a socket on which the handshake is due
 * @throws the error of a connection that came to no handshake
 */
export async function lookAtPeer(options: ConnectionOptions, signal: AbortSignal): Promise<PeerReport> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)])
  const socket = tls.connect({ ...options, rejectUnauthorized: false })
  let failure: Error | undefined
  let isConnected = options.socket !== undefined
  socket.once('connect', () => {
    isConnected = true
  })
  socket.on('error', (error) => {
    failure ??= error
  })
  // Sent when the server has accepted us (RFC 8446, section 4.6.1), but not by every server.
  let isAccepted = false
  socket.once('session', () => {
    isAccepted = true
  })
  // What the server sends is not wanted, but only who reads sees the alert.
  socket.on('data', () => undefined)
  try {
    await first(socket, ['secureConnect'], either)
    if (failure !== undefined) throw failure
    if (either.aborted) throw noAnswer(isConnected)
    // Not getPeerX509Certificate: it knows no issuers, and under Node 20 nothing more can be asked after it.
    const certificate = socket.getPeerCertificate(true)
    if (certificate?.raw === undefined) throw new Error('the connection was closed before the TLS handshake was over')
    const protocol = socket.getProtocol()
    const authorizationError = socket.authorized ? undefined : codeOfTrust(socket.authorizationError)
    if (protocol === 'TLSv1.3' && !isAccepted) {
      await first(socket, ['session'], AbortSignal.any([either, AbortSignal.timeout(REFUSAL_MS)]))
    }
    return {
      ...describe(new X509Certificate(certificate.raw)),
      authorizationError,
      refusal: failure,
      issuers: issuersOf(certificate),
      protocol,
    }
  } finally {
    socket.destroy()
  }
}

// A program that does not know TLS may wait for the rest of what it takes for a question.
function noAnswer(isConnected: boolean): Error {
  if (!isConnected) return new Error('the connection did not come about in time')
  return Object.assign(new Error('the TLS handshake got no answer'), { code: NO_TLS_ANSWER })
}

/** A certificate in words. */
export function describe(certificate: X509Certificate): CertificateReport {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    validFrom: new Date(certificate.validFrom),
    validTo: new Date(certificate.validTo),
    names: namesOf(certificate),
  }
}

/** Resolves at one of the events, at the end of the socket or when the signal aborts. */
async function first(socket: TLSSocket, events: readonly string[], signal: AbortSignal): Promise<void> {
  if (signal.aborted || socket.destroyed) return
  await new Promise<void>((resolve) => {
    const done = (): void => resolve()
    for (const event of [...events, 'error', 'close']) socket.once(event, done)
    signal.addEventListener('abort', done, { once: true })
  })
}

// At run time a text where Node knows a code, although its types say Error.
function codeOfTrust(error: unknown): string {
  if (typeof error === 'string') return error
  return String((error as { code?: unknown } | null)?.code ?? reasonOf(toError(error)))
}

// Those that the server sends, then the one of ours that signed the last of them; a root is its own issuer.
function issuersOf(certificate: DetailedPeerCertificate): CertificateReport[] {
  const issuers: CertificateReport[] = []
  let at = certificate
  while (at.issuerCertificate !== undefined && at.issuerCertificate !== at && issuers.length < MOST_ISSUERS) {
    at = at.issuerCertificate
    issuers.push(describe(new X509Certificate(at.raw)))
  }
  return issuers
}

function namesOf({ subjectAltName, subject }: X509Certificate): string[] {
  const names = [...(subjectAltName ?? '').matchAll(/(?:DNS|IP Address):([^,\s"]+)/g)].map((match) => match[1] ?? '')
  if (names.length > 0) return names
  // A certificate without names: Node looks at the common name then, as long as there is no alternative name at all.
  const common = /^CN=(.+)$/m.exec(subject)?.[1]
  return common === undefined ? [] : [oneLine(common)]
}

// It comes from the other side: nothing of it may break a line or move a cursor.
function oneLine(text: string | undefined): string {
  return (text ?? '')
    .trim()
    .replaceAll('\n', ', ')
    .replace(/\p{Cc}/gu, '?')
    .slice(0, 300)
}
