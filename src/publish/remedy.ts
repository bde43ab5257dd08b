import { codeOf } from '../errors.ts'

/** What to do about a connection to the broker that did not come about. */
export function remedyFor(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  if (code === 4 || code === 5 || code === 0x86 || code === 0x87)
    return 'correct NEMO_MQTT_USERNAME and NEMO_MQTT_PASSWORD'
  if (code === 1 || code === 0x84) return 'the broker does not speak this version: try NEMO_MQTT_MQTT_VERSION=3.1.1'
  if (code === 0x9a) return 'the broker must allow retained messages; the state of the bridge is one'
  if (code === 2 || code === 0x85) return 'the broker does not accept this NEMO_MQTT_CLIENT_ID'
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return 'nothing listens there: start the broker, or correct NEMO_MQTT_BROKER_HOST and NEMO_MQTT_BROKER_PORT'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name is not known: correct NEMO_MQTT_BROKER_HOST, or the name server'
    default:
      return 'see the log of the broker'
  }
}
