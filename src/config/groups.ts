import { type SettingName, STORABLE_NAMES } from './settings.ts'

/** Settings that belong together for people. */
export interface SettingGroup {
  readonly title: string
  readonly names: readonly SettingName[]
}

/** In the order in which they are shown. What no rule names is in the group without one, so none is ever left out. */
const TITLES: ReadonlyArray<readonly [string, RegExp | undefined]> = [
  ['Broker', /^(broker_|mqtt_|keepalive|client_id|username|password|clean_session|auto_reconnect|.*reconnect_)/],
  ['Encryption', /^tls_/],
  ['Signature', /hmac/],
  ['What is sent', /(_filter|_format|^privacy)$/],
  ['States, Home Assistant and displays', /^(publish_state|state_|home_assistant|display_)/],
  ['Topics and messages', undefined],
  ['Log', /^log_/],
]

const CAPITALS = new Set(['tls', 'ca', 'mqtt', 'hmac', 'id', 'alpn'])

/** Every setting that can be stored, each in one group. */
export const SETTING_GROUPS: readonly SettingGroup[] = TITLES.map(([title]) => ({
  title,
  names: STORABLE_NAMES.filter((name) => titleOf(name) === title),
}))

/** What a setting is called where there is room: `broker_host` is "Broker host". */
export function labelOf(name: string): string {
  const words = name.split('_').map((word) => (CAPITALS.has(word) ? word.toUpperCase() : word))
  const label = words.join(' ')
  return label.charAt(0).toUpperCase() + label.slice(1)
}

function titleOf(name: SettingName): string | undefined {
  const named = TITLES.find(([, rule]) => rule?.test(name))
  return (named ?? TITLES.find(([, rule]) => rule === undefined))?.[0]
}
