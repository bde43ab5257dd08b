import { variableOf } from './environment.ts'
import { SECRET_NAMES, SETTINGS, type SettingName } from './settings.ts'

/** An example of an environment file: every variable once, with what it is and its default, commented out. */
export function exampleEnvironment(): string {
  const names = Object.keys(SETTINGS.properties) as SettingName[]
  const plain = names.filter((name) => !SECRET_NAMES.includes(name))
  return [
    '# Settings of nemo-mqtt. A line that is commented out shows the default.',
    '# Settings that stand here win over those of a stored configuration (nemo-mqtt config).',
    ...plain.flatMap((name) => ['', ...entry(name)]),
    '',
    '# Secrets. Better in files: /etc/nemo-mqtt/secrets/NAME for the service, or NEMO_MQTT_..._FILE=/path.',
    ...SECRET_NAMES.flatMap((name) => ['', ...entry(name)]),
    '',
  ].join('\n')
}

function entry(name: SettingName): string[] {
  const property: object = SETTINGS.properties[name]
  const schema = property as { readonly description?: string; readonly default?: unknown }
  return [`# ${(schema.description ?? '').replaceAll('`', '')}`, `#${variableOf(name)}=${String(schema.default ?? '')}`]
}
