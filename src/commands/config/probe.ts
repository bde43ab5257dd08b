import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import type { Settings } from '../../config/settings.ts'
import { reasonOf } from '../../errors.ts'
import { signEnvelope } from '../../sign/envelope.ts'

/** What {@link probeBroker} found, by layer; a layer that could not be reached is not there. */
export interface BrokerProbe {
  readonly layers: Readonly<Record<string, ReadonlyArray<{ readonly level: string; readonly found: string }>>>
}

/** Tries the broker layer by layer, up to a message on a private topic that is read back. Never throws. */
export async function probeBroker(settings: Settings, signal: AbortSignal): Promise<BrokerProbe> {
  const layers: Record<string, { level: string; found: string }[]> = {}
  const { broker_host: host, broker_port: port, topic_prefix: prefix, use_hmac, hmac_secret_key } = settings
  const topic = `${prefix}/bridge/check/${randomBytes(8).toString('hex')}`
  const message = use_hmac ? signEnvelope('{}', hmac_secret_key) : '{}'
  const cut = new AbortController()
  const late = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new Error('no answer in time'))
    signal.addEventListener('abort', fail, { once: true, signal: cut.signal })
  })
  late.catch(() => undefined) // whichever step runs then has told
  let layer = 'dns'
  const step = async <T>(name: string, work: Promise<T>, found: string): Promise<T> => {
    layer = name
    const result = await Promise.race([work, late])
    layers[name] = [{ level: 'ok', found }]
    return result
  }
  try {
    await step('dns', lookup(host), `${host} has an address`)
    const client = connect({ ...optionsOf(settings), clientId: `nemo_check_${topic.slice(-8)}` })
    cut.signal.addEventListener('abort', () => client.end(true))
    await step('login', connected(client), `${host}:${port} lets this user in`)
    const back = new Promise<unknown>((resolve) => client.once('message', (_topic, text) => resolve(text)))
    const [granted] = await step('subscribe', client.subscribeAsync(topic, { qos: 1 }), `may read ${topic}`)
    if ((granted?.qos ?? 0) >= 0x80) throw new Error(`the broker refuses to let this user read ${topic}`)
    await step('publish', client.publishAsync(topic, message, { qos: 1 }), `may write ${topic}`)
    const text = await step('readBack', back, 'the message came back')
    if (String(text) !== message) throw new Error('another message came back than was sent')
  } catch (error) {
    layers[layer] = [{ level: 'critical', found: reasonOf(error) }]
  } finally {
    cut.abort()
  }
  return { layers }
}

function optionsOf(settings: Settings): IClientOptions {
  const { broker_host: host, broker_port: port, username, password, mqtt_version } = settings
  const login = username === '' ? {} : { username, password }
  return { protocol: 'mqtt', host, port, protocolVersion: mqtt_version === '5' ? 5 : 4, reconnectPeriod: 0, ...login }
}

async function connected(client: MqttClient): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('close', () => reject(new Error('the broker closed the connection')))
    client.on('error', reject) // for its whole life: an `error` that nobody hears would end the process
  })
}
