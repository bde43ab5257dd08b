import type { X509Certificate } from 'node:crypto'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { critical, type Finding, ok, warning } from './finding.ts'

/** A certificate that expires within so many days is named. */
const SOON_DAYS = 21
const DAY_MS = 86_400_000

/** What the certificates of a connection say, and the days until the first one expires. */
export interface CertificateReport {
  readonly findings: readonly Finding[]
  readonly days: number
}

/**
 * Whether the certificate of the other side, or our own, expires soon.
 *
 * @param socket after its handshake, whether the certificate was accepted or not
 * @param own our certificate, where one is used
 */
export function checkCertificates(socket: TLSSocket, own?: X509Certificate, now = Date.now()): CertificateReport {
  const peer = socket.getPeerX509Certificate()
  const judged = [
    ...(peer === undefined ? [] : [judge('the broker’s certificate', peer, now)]),
    ...(own === undefined ? [] : [judge('our certificate', own, now)]),
  ]
  const days = Math.min(...judged.map((one) => one.days))
  if (judged.length > 0) return { findings: judged.map(({ finding }) => finding), days }
  return { findings: [ok('the broker showed no certificate')], days }
}

/** Name and dates of the certificate that the other side showed, for people. */
export function describePeer(peer: PeerCertificate): string {
  const names = peer.subjectaltname === undefined ? '' : `, for ${peer.subjectaltname}`
  return `${peer.subject?.CN ?? 'without a name'}${names}, valid from ${day(peer.valid_from)} to ${day(peer.valid_to)}`
}

function judge(whose: string, certificate: X509Certificate, now: number): { finding: Finding; days: number } {
  const end = Date.parse(certificate.validTo)
  const days = Math.floor((end - now) / DAY_MS)
  const subject = certificate.subject.replaceAll('\n', ', ')
  const what = `${whose} (${subject})`
  const date = day(certificate.validTo)
  if (end <= now) return { days, finding: critical(`${what} expired on ${date}`, `renew ${whose}`) }
  if (days >= SOON_DAYS) return { days, finding: ok(`${what} is valid until ${date}, for ${days} days`) }
  return { days, finding: warning(`${what} expires on ${date}, in ${days} days`, `renew ${whose} before that day`) }
}

function day(time: string): string {
  return new Date(time).toISOString().slice(0, 10)
}
