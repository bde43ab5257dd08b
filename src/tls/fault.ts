import { codeOf } from '../errors.ts'
import type { CertificateReport, PeerReport } from './peer.ts'

/** What can be wrong with a TLS connection. */
export type TlsFault =
  | 'unknown authority'
  | 'expired'
  | 'not yet valid'
  | 'wrong host'
  | 'no client certificate'
  | 'client certificate refused'
  | 'not TLS'
  | 'no common version'
  | 'unknown ALPN protocol'
  | 'unknown server name'
  | 'not trusted'

/** Codes of OpenSSL and Node, in the order in which they are looked for. */
const FAULTS: ReadonlyArray<readonly [RegExp, TlsFault]> = [
  [/CERT_HAS_EXPIRED/, 'expired'],
  [/CERT_NOT_YET_VALID/, 'not yet valid'],
  [/ERR_TLS_CERT_ALTNAME_INVALID/, 'wrong host'],
  [/SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF|CERT_UNTRUSTED/, 'unknown authority'],
  [
    /CERT_SIGNATURE_FAILURE|INVALID_CA|INVALID_PURPOSE|CERT_REVOKED|CERT_REJECTED|CA_MD_TOO_WEAK|TOO_SMALL/,
    'not trusted',
  ],
  [/ALERT_CERTIFICATE_REQUIRED/, 'no client certificate'],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(EXPIRED|UNKNOWN|REVOKED)|UNSUPPORTED_CERTIFICATE|DECRYPT_ERROR|ACCESS_DENIED)/,
    'client certificate refused',
  ],
  [/NO_APPLICATION_PROTOCOL/, 'unknown ALPN protocol'],
  [/UNRECOGNIZED_NAME/, 'unknown server name'],
  [/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER|ALERT_HANDSHAKE_FAILURE/, 'no common version'],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE|HTTP_REQUEST|INVALID_RECORD|RECORD_TOO|NO_TLS_ANSWER/,
    'not TLS',
  ],
]

/** What is wrong, by an error or by {@link PeerReport.authorizationError}; undefined when it is not TLS. */
export function faultOf(error: unknown): TlsFault | undefined {
  const code = tlsCode(error)
  return FAULTS.find(([pattern]) => pattern.test(code))?.[1]
}

/** The code of an error of TLS; empty when it has none. */
export function tlsCode(error: unknown): string {
  if (typeof error === 'string') return error
  const code = codeOf(error) ?? ''
  if (code !== 'EPROTO') return code
  // Of a failed write Node gives OpenSSL's words alone: `...:SSL routines:ssl3_get_record:wrong version number:...`.
  const reason = /:SSL routines:[^:]*:([^:]+):/.exec((error as Error).message)?.[1] ?? ''
  return `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`
}

/** How a server and the settings of its connection are called. */
export interface TlsWords {
  /** Such as `the broker`. */
  readonly who: string
  /** Such as `127.0.0.1:8883`. */
  readonly at: string
  /** The name that the certificate must have. */
  readonly host: string
  /** Whether a certificate of ours is sent. */
  readonly hasOwn: boolean
  /** The settings: authority, own certificate and key, name, and what to do where there is no TLS. */
  readonly ca: string
  readonly cert: string
  readonly name: string
  readonly plain: string
}

/** What is wrong and what to do about it. */
export interface Trouble {
  readonly why: string
  readonly todo: string
}

/**
 * A fault for people.
 *
 * @param code what it was known by, for faults that have many causes
 * @param peer the certificate of the server, where it could be looked at
 * @param own our own certificate
 */
export function explain(
  fault: TlsFault,
  words: TlsWords,
  { code = '', peer, own }: { code?: string; peer?: PeerReport | undefined; own?: CertificateReport | undefined },
): Trouble {
  const { who, at, host, ca, cert, name, plain } = words
  const subject = peer === undefined ? '' : `: subject ${peer.subject}, issuer ${peer.issuer}`
  switch (fault) {
    case 'unknown authority':
      return {
        why: `the certificate of ${who} is signed by nobody whom we trust${subject}`,
        todo: `set ${ca} to the certificate of the authority that signed it (PEM); or let ${who} send its whole chain`,
      }
    case 'expired': {
      const { of, date } = culprit(peer, ({ validTo }) => validTo.getTime() < Date.now(), 'validTo')
      const todo = `renew it at ${who}; if that date has not come yet, correct the clock of this machine`
      return { why: `the certificate of ${who} ${of}expired${date}${subject}`, todo }
    }
    case 'not yet valid': {
      const { of, date } = culprit(peer, ({ validFrom }) => validFrom.getTime() > Date.now(), 'validFrom')
      const todo = `correct the clock of this machine, or make the certificate of ${who} anew`
      return {
        why: `the certificate of ${who} ${of}is not valid yet${date.replace(' on', ', only from')}${subject}`,
        todo,
      }
    }
    case 'wrong host': {
      const found = peer === undefined || peer.names.length === 0 ? 'other names' : peer.names.join(', ')
      const todo = `connect to ${who} by a name that its certificate has: ${name}`
      return { why: `the certificate of ${who} is for ${found}, not for ${host}${subject}`, todo }
    }
    case 'no client certificate':
      return words.hasOwn
        ? { why: `${who} asks for a client certificate and took ours for none`, todo: `correct ${cert}` }
        : { why: `${who} asks for a client certificate, and we have none`, todo: `set ${cert}` }
    case 'client certificate refused':
      return refused(words, own, code)
    case 'not TLS':
      return {
        why: `what listens at ${at} does not speak TLS`,
        todo: `correct the port (the one for TLS is another), or ${plain} to go without`,
      }
    case 'no common version':
      return {
        why: `${who} and we have no version or cipher of TLS in common (${code}); we speak TLS 1.2 and 1.3`,
        todo: `let ${who} speak TLS 1.2 or 1.3${words.hasOwn ? '' : `; if it wants a client certificate, set ${cert}`}`,
      }
    case 'unknown ALPN protocol':
      return { why: `${who} does not know the ALPN protocol that we ask for`, todo: 'correct NEMO_MQTT_TLS_ALPN' }
    case 'unknown server name':
      return { why: `${who} does not know the name ${host} that we ask for`, todo: name }
    case 'not trusted':
      return { why: `the certificate of ${who} cannot be trusted (${code})${subject}`, todo: `make it anew at ${who}` }
  }
}

function refused({ who, cert }: TlsWords, own: CertificateReport | undefined, code: string): Trouble {
  if (own === undefined) {
    return { why: `${who} asks for a client certificate, and we have none`, todo: `set ${cert}` }
  }
  const ours = `: subject ${own.subject}, issuer ${own.issuer}`
  if (own.validTo.getTime() < Date.now()) {
    return {
      why: `our certificate expired on ${day(own.validTo)}, and ${who} refuses it${ours}`,
      todo: `renew ${cert}`,
    }
  }
  if (own.validFrom.getTime() > Date.now()) {
    const why = `our certificate is not valid before ${day(own.validFrom)}, and ${who} refuses it${ours}`
    return { why, todo: 'correct the clock of this machine' }
  }
  const word = /ALERT_(\w+)$/.exec(code)?.[1]?.toLowerCase().replaceAll('_', ' ') ?? code
  return {
    why: `${who} refuses our certificate (${word})${ours}`,
    todo: `set ${cert} to a certificate of the authority that ${who} trusts`,
  }
}

// The server's own certificate may be in order and one above it not.
function culprit(
  peer: PeerReport | undefined,
  isAtFault: (report: CertificateReport) => boolean,
  which: 'validFrom' | 'validTo',
): { of: string; date: string } {
  if (peer === undefined) return { of: '', date: '' }
  const found = [peer, ...peer.issuers].find(isAtFault)
  if (found === undefined) return { of: '', date: '' }
  const of = found === peer ? '' : `has an issuer (${found.subject}) that `
  return { of, date: ` on ${day(found[which])}` }
}

function day(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z')
}
