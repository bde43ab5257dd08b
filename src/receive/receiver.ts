import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { connect, type MqttClient } from 'mqtt'
import type { Settings } from '../config/settings.ts'
import { AppError, reasonOf } from '../errors.ts'
import { brokerAddress, connectOptions } from '../publish/connect-options.ts'

const CONNECT_MS = 5_000
const RECONNECT_MS = 1_000

/** A message as it arrived. */
export interface ArrivedMessage {
  readonly topic: string
  readonly text: string
  /** Whether the broker kept it from before we subscribed. */
  readonly retain: boolean
  readonly at: Date
}

/** Told what happens. */
export interface ReceiverEvents {
  readonly onMessage: (message: ArrivedMessage) => void
  /** The connection was lost, or is there again. */
  readonly onNote: (note: string) => void
  /** The same for programs: whether anything can arrive now. */
  readonly onLink?: (isUp: boolean) => void
}

/**
 * A subscriber with the settings in force, for commands that look at what arrives. Its client id is its own, so that
 * the service stays connected.
 */
export class Receiver {
  readonly #client: MqttClient

  private constructor(client: MqttClient) {
    this.#client = client
  }

  /**
   * Connects and subscribes at QoS 1; connects again by itself later on.
   *
   * @throws AppError NEMO_MQTT_ERR_BROKER, and NEMO_MQTT_ERR_CONFIG when a certificate file cannot be used
   */
  static async open(
    settings: Settings,
    filter: string,
    { onMessage, onNote, onLink }: ReceiverEvents,
  ): Promise<Receiver> {
    const at = brokerAddress(settings)
    const clientId = `nemo_look_${hostname()}_${randomBytes(4).toString('hex')}`
    const { options } = connectOptions(settings, { clientId, clean: true })
    const client = connect({ ...options, connectTimeout: CONNECT_MS, reconnectPeriod: RECONNECT_MS })
    client.on('message', (topic, bytes, { retain }) =>
      onMessage({ topic, text: bytes.toString(), retain, at: new Date() }),
    )
    try {
      await connected(client)
      const [granted] = await client.subscribeAsync(filter, { qos: 1 })
      if (granted === undefined || granted.qos >= 0x80) throw new Error(`it refuses a subscription to ${filter}`)
    } catch (error) {
      client.end(true)
      throw new AppError('NEMO_MQTT_ERR_BROKER', `the broker at ${at} cannot be used: ${reasonOf(error)}`, {
        cause: error,
        hint: 'check that it runs, and what this user may do there; nemo-mqtt-check looks at it layer by layer',
      })
    }
    client.on('offline', () => onNote(`the connection to the broker at ${at} was lost; trying again`))
    client.on('connect', () => onNote(`connected to the broker at ${at} again`))
    client.on('close', () => onLink?.(false))
    client.on('connect', () => onLink?.(true))
    return new Receiver(client)
  }

  /** Leaves. */
  close(): void {
    this.#client.removeAllListeners('offline')
    this.#client.removeAllListeners('close')
    this.#client.end(true)
  }
}

// The library would try for ever before it has ever succeeded.
function connected(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer within ${CONNECT_MS / 1_000} s`)), CONNECT_MS)
    client.once('connect', () => {
      clearTimeout(late)
      resolve()
    })
    // Stays for the client's whole life: an `error` that nobody hears would end the process.
    client.on('error', (error) => {
      clearTimeout(late)
      reject(error)
    })
    client.once('close', () => {
      clearTimeout(late)
      reject(new Error('it closed the connection'))
    })
  })
}
