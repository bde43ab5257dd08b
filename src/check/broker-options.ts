import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { IClientOptions } from 'mqtt'
import type { Settings } from '../config/settings.ts'

/** Whether the settings ask for TLS. */
export function isTls({ broker_protocol }: Settings): boolean {
  return broker_protocol === 'mqtts' || broker_protocol === 'wss'
}

/** What a TLS connection to the broker is made with. @throws the system's error when a file cannot be read */
export function tlsOptions(settings: Settings): ConnectionOptions {
  const { broker_host, tls_ca_file, tls_cert_file, tls_key_file, tls_key_passphrase } = settings
  const name = settings.tls_server_name || (isIP(broker_host) === 0 ? broker_host : '')
  return {
    rejectUnauthorized: settings.tls_verify,
    ...(tls_ca_file === '' ? {} : { ca: readFileSync(tls_ca_file) }),
    ...(tls_cert_file === '' ? {} : { cert: readFileSync(tls_cert_file) }),
    ...(tls_key_file === '' ? {} : { key: readFileSync(tls_key_file) }),
    ...(tls_key_passphrase === '' ? {} : { passphrase: tls_key_passphrase }),
    ...(name === '' ? {} : { servername: name }),
    ...(settings.tls_alpn === '' ? {} : { ALPNProtocols: [settings.tls_alpn] }),
  }
}

/** What an MQTT connection is made with; the client id is the caller's. */
export function mqttOptions(settings: Settings): IClientOptions {
  const { broker_protocol, broker_host, broker_port, broker_path, mqtt_version, username, password } = settings
  return {
    protocol: broker_protocol,
    host: broker_host,
    port: broker_port,
    protocolVersion: mqtt_version === '5' ? 5 : 4,
    keepalive: settings.keepalive,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    ...(broker_protocol === 'ws' || broker_protocol === 'wss' ? { path: broker_path } : {}),
    ...(username === '' ? {} : { username, password }),
    ...(isTls(settings) ? (tlsOptions(settings) as IClientOptions) : {}),
  }
}
