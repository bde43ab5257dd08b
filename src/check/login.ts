import { connect, type MqttClient } from 'mqtt'
import type { Settings } from '../config/settings.ts'
import { codeOf, reasonOf } from '../errors.ts'
import { connectOptions } from '../publish/connect-options.ts'

/** Longer than any deadline of ours, so that the library has none of its own. In milliseconds. */
const NEVER_MS = 3_600_000

/** Why the broker did not accept the connection, and what to do. */
export class LoginRefused extends Error {
  readonly todo: string

  constructor(message: string, todo: string) {
    super(message)
    this.todo = todo
  }
}

/** Connects a client. @throws LoginRefused */
export function openClient(settings: Settings, clientId: string, signal: AbortSignal): Promise<MqttClient> {
  const { options } = connectOptions(settings, { clientId, clean: true })
  const client = connect({ ...options, reconnectPeriod: 0, resubscribe: false, connectTimeout: NEVER_MS })
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', stop)
      client.end(true)
      client.stream?.destroy()
      reject(error)
    }
    const stop = (): void => fail(new LoginRefused(SILENT, SILENT_TODO))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    // Stays for the client's whole life: an `error` that nobody hears would end the process.
    client.on('error', (error) => fail(refusal(error, settings)))
    client.once('close', () => fail(new LoginRefused(CLOSED, SILENT_TODO)))
    client.once('connect', () => {
      signal.removeEventListener('abort', stop)
      resolve(client)
    })
  })
}

const SILENT = 'the port is open, but no CONNACK came in time: nothing that speaks MQTT answers there'
const CLOSED = 'the other side closed the connection before CONNACK'
const SILENT_TODO =
  'correct NEMO_MQTT_BROKER_PORT and NEMO_MQTT_BROKER_PROTOCOL: a port speaks one of mqtt, mqtts, ws and wss; ' +
  'else see the log of the broker'

function refusal(error: Error, { username, mqtt_version, broker_path }: Settings): LoginRefused {
  const code: unknown = (error as { code?: unknown }).code
  const who = username === '' ? 'a client without user name' : `user "${username}"`
  const credentials = 'correct NEMO_MQTT_USERNAME and NEMO_MQTT_PASSWORD, or the users of the broker'
  switch (code) {
    case 1:
    case 0x84:
      return new LoginRefused(
        `the broker does not speak MQTT ${mqtt_version}`,
        `set NEMO_MQTT_MQTT_VERSION=${mqtt_version === '5' ? '3.1.1' : '5'}`,
      )
    case 4:
    case 0x86:
      return new LoginRefused(`authentication failed: bad user name or password for ${who}`, credentials)
    case 5:
    case 0x87:
      return new LoginRefused(`the broker does not let ${who} in: not authorised`, credentials)
    case 2:
    case 0x85:
      return new LoginRefused('the broker does not accept client ids of ours', 'allow client ids nemo_… at the broker')
    case 3:
    case 0x88:
      return new LoginRefused('the broker says that it is unavailable', 'see the log of the broker')
  }
  if (/Unexpected server response/.test(error.message)) {
    const found = `the WebSocket was refused at ${broker_path}: ${error.message}`
    return new LoginRefused(found, 'correct NEMO_MQTT_BROKER_PATH, or the proxy before the broker')
  }
  const name = codeOf(error)
  if (/ALERT/.test(name ?? '')) {
    const todo =
      'give our certificate in NEMO_MQTT_TLS_CERT_FILE and NEMO_MQTT_TLS_KEY_FILE, one that the broker accepts'
    return new LoginRefused(`the broker does not accept our certificate, or wants one: ${name}`, todo)
  }
  return new LoginRefused(
    `no MQTT connection: ${reasonOf(error)}${name === undefined ? '' : ` (${name})`}`,
    SILENT_TODO,
  )
}
