import type { ConnectionOptions } from 'node:tls'
import type { IClientOptions } from 'mqtt'
import type { Settings } from '../config/settings.ts'
import { readTlsFiles, type TlsContent, type TlsFiles } from '../tls/files.ts'
import { nameOptions } from '../tls/peer.ts'

/** The message that the broker sends when we vanish. */
export interface Will {
  readonly topic: string
  readonly payload: string
}

/** Who connects. */
export interface Client {
  /** Unique at the broker, which ends an older connection of the same id. */
  readonly clientId: string
  /** Whether the broker forgets what it knows of an earlier connection. */
  readonly clean: boolean
  readonly will?: Will
}

/** What a connection to the broker is made with. */
export interface ConnectOptions {
  readonly options: IClientOptions
  /** Hash of the certificate files that were read; undefined without TLS. */
  readonly certificates: string | undefined
}

/** Whether the broker is reached through TLS. */
export function usesTls({ broker_protocol }: Settings): boolean {
  return broker_protocol === 'mqtts' || broker_protocol === 'wss'
}

/** Whether the broker is reached through a WebSocket. */
export function usesWebSocket({ broker_protocol }: Settings): boolean {
  return broker_protocol === 'ws' || broker_protocol === 'wss'
}

/** Where the broker is, for people: host and port, and how it is reached when that is not plain MQTT. */
export function brokerAddress(settings: Settings): string {
  const { broker_protocol, broker_host, broker_port, broker_path } = settings
  const host = broker_host.includes(':') ? `[${broker_host}]` : broker_host
  const scheme = broker_protocol === 'mqtt' ? '' : `${broker_protocol}://`
  return `${scheme}${host}:${broker_port}${usesWebSocket(settings) ? broker_path : ''}`
}

/**
 * What mqtt.js needs for one connection. Reads the certificate files each time, so that renewed ones are used.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when one of the files cannot be used
 */
export function connectOptions(settings: Settings, { clientId, clean, will }: Client): ConnectOptions {
  const { broker_host, broker_port, broker_protocol, broker_path, mqtt_version, keepalive } = settings
  const { username, password } = settings
  const content = usesTls(settings) ? readBrokerFiles(settings) : undefined
  const tls = content === undefined ? {} : tlsOptions(settings, content)
  return {
    certificates: content?.hash,
    options: {
      protocol: broker_protocol,
      host: broker_host,
      port: broker_port,
      protocolVersion: mqtt_version === '5' ? 5 : 4,
      keepalive,
      clientId,
      clean,
      ...(username === '' ? {} : { username, password }),
      ...(will === undefined
        ? {}
        : { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
      ...(usesWebSocket(settings) ? webSocketOptions(broker_host, broker_path, tls) : tls),
    } as IClientOptions,
  }
}

// Messages are small and signed: compressing them costs more than it saves. The subprotocol `mqtt` (MQTT 5, section 6)
// is the library's own doing, which also wants an address of IPv6 in brackets here and nowhere else.
function webSocketOptions(host: string, path: string, tls: ConnectionOptions): IClientOptions {
  const hostname = host.includes(':') ? `[${host}]` : host
  return { hostname, path, wsOptions: { perMessageDeflate: false, ...tls } } as IClientOptions
}

/**
 * How the broker is spoken to in TLS, with what is in the files. Without an authority of its own those that Node trusts
 * count: what it brings along, and `NODE_EXTRA_CA_CERTS`.
 */
export function tlsOptions(settings: Settings, { material }: TlsContent): ConnectionOptions {
  const { broker_host, tls_server_name, tls_verify, tls_alpn } = settings
  return {
    ...material,
    ...nameOptions(broker_host, tls_server_name),
    ...(tls_alpn === '' ? {} : { ALPNProtocols: [tls_alpn] }),
    rejectUnauthorized: tls_verify,
    minVersion: 'TLSv1.2',
  }
}

/** Reads the certificate files of the broker. @throws AppError NEMO_MQTT_ERR_CONFIG when one of them cannot be used */
export function readBrokerFiles(settings: Settings): TlsContent {
  const { tls_ca_file: ca, tls_cert_file: cert, tls_key_file: key, tls_key_passphrase: passphrase } = settings
  return readTlsFiles({ ca, cert, key, passphrase, names: FILE_SETTINGS })
}

/** The settings with the certificate files, as people know them. */
export const FILE_SETTINGS: TlsFiles['names'] = {
  ca: 'NEMO_MQTT_TLS_CA_FILE',
  cert: 'NEMO_MQTT_TLS_CERT_FILE',
  key: 'NEMO_MQTT_TLS_KEY_FILE',
  passphrase: 'NEMO_MQTT_TLS_KEY_PASSPHRASE',
}
