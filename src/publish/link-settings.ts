import type { SettingName, Settings } from '../config/settings.ts'

/** The settings that are part of a connection: when one changes, there must be a new one. */
export const OF_THE_LINK = [
  'broker_host',
  'broker_port',
  'broker_protocol',
  'broker_path',
  'mqtt_version',
  'keepalive',
  'client_id',
  'username',
  'password',
  'clean_session',
  'tls_ca_file',
  'tls_cert_file',
  'tls_key_file',
  'tls_key_passphrase',
  'tls_verify',
  'tls_server_name',
  'tls_alpn',
  // The will holds the prefix, and is signed, in the dialect's form, when the connection is made.
  'topic_prefix',
  'dialect',
  'use_hmac',
  'hmac_secret_key',
] as const satisfies readonly SettingName[]

/** The settings that say how long to wait for a connection: when one changes, the wait begins anew. */
export const OF_THE_WAIT = ['reconnect_delay', 'max_reconnect_attempts'] as const satisfies readonly SettingName[]

/** The settings by which people find the state of the bridge. */
export const STATE_PLACE = ['broker_host', 'broker_port', 'topic_prefix'] as const satisfies readonly SettingName[]

/** Whether one of these settings differs. */
export function differ(names: readonly SettingName[], one: Settings, other: Settings): boolean {
  return names.some((name) => one[name] !== other[name])
}
