import { lookup } from 'node:dns/promises'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Settings } from '../config/settings.ts'
import { AppError, codeOf, reasonOf } from '../errors.ts'
import { readBrokerFiles, tlsOptions } from '../publish/connect-options.ts'
import { type CertificateReport, checkCertificates, describePeer } from './certificate.ts'
import { critical, type Finding, ok, warning } from './finding.ts'

/** Looks up the broker's name. */
export async function lookUp(host: string, signal: AbortSignal): Promise<Finding> {
  if (isIP(host) !== 0) return ok(`${host} is an address`)
  const silence = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the name server does not answer')), { once: true })
  })
  silence.catch(() => undefined)
  try {
    const found = await Promise.race([lookup(host, { all: true }), silence])
    return ok(`${host} is ${found.map(({ address }) => address).join(', ')}`)
  } catch (error) {
    const isWrong = codeOf(error) === 'ENOTFOUND'
    const todo = isWrong ? 'correct NEMO_MQTT_BROKER_HOST, or the name server' : 'see that the name server answers'
    return critical(`the name ${host} cannot be looked up: ${reasonOf(error)}`, todo)
  }
}

/** Connects to the broker's port. The socket is the caller's. */
export async function openSocket(
  { broker_host, broker_port }: Settings,
  signal: AbortSignal,
): Promise<{ socket?: Socket; finding: Finding }> {
  const at = `${broker_host}:${broker_port}`
  const socket = connectTcp({ host: broker_host, port: broker_port })
  try {
    await happens(socket, 'connect', signal, `no answer from ${at} in time`)
    return { socket, finding: ok(`${at} can be reached`) }
  } catch (error) {
    socket.destroy()
    if (codeOf(error) === 'ECONNREFUSED' || reasonOf(error).includes('ECONNREFUSED')) {
      const todo =
        'start the broker, or correct NEMO_MQTT_BROKER_HOST and NEMO_MQTT_BROKER_PORT; mosquitto 2 listens ' +
        'on its own machine only, until it has a listener line'
      return { finding: critical(`${at} refuses connections: nothing listens there`, todo) }
    }
    const todo = 'see whether the broker’s machine is on, and no firewall drops the connection'
    return { finding: critical(`${at} cannot be reached: ${reasonOf(error)}`, todo) }
  }
}

/** What the TLS handshake showed. */
export interface TlsReport {
  readonly finding: Finding
  readonly certificates: CertificateReport
}

/** Does the TLS handshake on a socket, which is destroyed then. */
export async function openTls(settings: Settings, socket: Socket, signal: AbortSignal): Promise<TlsReport> {
  let tls: TLSSocket | undefined
  try {
    const content = readBrokerFiles(settings)
    // A certificate that is not valid must be seen to be named, so it is judged here.
    tls = connectTls({ ...tlsOptions(settings, content), socket, rejectUnauthorized: false })
    await happens(tls, 'secureConnect', signal, 'no end of the handshake in time')
    return { finding: verdict(settings, tls), certificates: checkCertificates(tls, content.own) }
  } catch (error) {
    const name = error instanceof AppError ? undefined : codeOf(error)
    const why = `${reasonOf(error)}${name === undefined ? '' : ` (${name})`}`
    const todo =
      error instanceof AppError
        ? (error.hint ?? 'correct the files and the passphrase of NEMO_MQTT_TLS_…')
        : 'see that the port speaks TLS: NEMO_MQTT_BROKER_PORT, NEMO_MQTT_BROKER_PROTOCOL; else the broker’s log'
    return { finding: critical(`no TLS: ${why}`, todo), certificates: { findings: [], days: Number.NaN } }
  } finally {
    tls?.destroy()
    socket.destroy()
  }
}

function verdict({ tls_verify, tls_ca_file, broker_host, tls_server_name }: Settings, tls: TLSSocket): Finding {
  const peer = tls.getPeerCertificate()
  const who = describePeer(peer)
  const { authorizationError } = tls
  if (tls.authorized) return ok(`${tls.getProtocol()}, certificate of ${who}`)
  const why = `the broker’s certificate is not valid (${reasonOf(authorizationError)}): ${who}`
  if (!tls_verify) return warning(`${why}; it is not asked for`, 'NEMO_MQTT_TLS_VERIFY=true')
  const code = reasonOf(authorizationError)
  if (/EXPIRED|NOT_YET_VALID/.test(code)) return critical(why, 'renew the broker’s certificate, or correct the clocks')
  if (/ALTNAME/.test(code)) {
    const name = tls_server_name || broker_host
    const todo = `use a name of the certificate in NEMO_MQTT_BROKER_HOST or NEMO_MQTT_TLS_SERVER_NAME instead of ${name}`
    return critical(why, todo)
  }
  const from =
    tls_ca_file === '' ? 'name the authority that made it in NEMO_MQTT_TLS_CA_FILE' : `put it in ${tls_ca_file}`
  return critical(why, `${from}: it was made by ${peer.issuer?.CN ?? 'an unknown one'}`)
}

async function happens(socket: Socket, event: string, signal: AbortSignal, silence: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => reject(new Error(silence))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    socket.on('error', reject) // stays: an `error` that nobody hears would end the process
    socket.once('close', () => reject(new Error('the other side closed the connection')))
    socket.once(event, () => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
  })
}
