import { randomBytes } from 'node:crypto'
import type { MqttClient } from 'mqtt'
import type { Settings } from '../config/settings.ts'
import { reasonOf } from '../errors.ts'
import { usesTls } from '../publish/connect-options.ts'
import { reasonName } from '../publish/outcome.ts'
import { signEnvelope } from '../sign/envelope.ts'
import { openEnvelope } from '../sign/verify.ts'
import { critical, type Finding, ok, unknown, warning } from './finding.ts'
import { limitsOf } from './limits.ts'
import { LoginRefused, openClient } from './login.ts'
import { lookUp, openSocket, openTls } from './reach.ts'

/** The layers of a connection to the broker, from the name to the signature. */
export const BROKER_LAYERS = [
  'dns',
  'tcp',
  'tls',
  'certificate',
  'login',
  'limits',
  'publish',
  'readBack',
  'signature',
] as const

/** One of them. */
export type BrokerLayer = (typeof BROKER_LAYERS)[number]

/** What {@link probeBroker} found. */
export interface BrokerProbe {
  /** By layer; a layer that could not be reached, because one before it failed, is not there. */
  readonly layers: Readonly<Partial<Record<BrokerLayer, readonly Finding[]>>>
  /** From publishing the message to reading it back. */
  readonly roundTripMs?: number
  /** Days until the first certificate expires. */
  readonly certificateDays?: number
  /** The retained text of `{prefix}/bridge/state`, as it is on the wire; undefined when there is none. */
  readonly state?: string
}

/** How long the message may take to come back after the broker acknowledged it, in milliseconds. */
const BACK_MS = 2_000
const WRITE_BELOW = (prefix: string): string => `allow this user to write below ${prefix}/`

/**
 * Tries the broker layer by layer, as the service would use it, up to a real message: one client publishes it at QoS 1
 * on the private topic `{prefix}/bridge/check/{random}`, another one reads it back. Never throws; ends when the
 * signal aborts. Client ids are its own, so that a service that is connected stays connected.
 */
export async function probeBroker(settings: Settings, signal: AbortSignal): Promise<BrokerProbe> {
  const found: { -readonly [K in keyof BrokerProbe]: BrokerProbe[K] } = { layers: {} }
  const layers: Partial<Record<BrokerLayer, readonly Finding[]>> = found.layers
  const isBad = (layer: BrokerLayer): boolean => layers[layer]?.some(({ level }) => level === 'critical') ?? true

  layers.dns = [await lookUp(settings.broker_host, signal)]
  if (isBad('dns')) return found
  const { socket, finding: tcp } = await openSocket(settings, signal)
  layers.tcp = [tcp]
  if (socket === undefined) return found
  if (usesTls(settings)) {
    const tls = await openTls(settings, socket, signal)
    layers.tls = [tls.finding]
    if (isBad('tls')) return found
    layers.certificate = tls.certificates.findings
    found.certificateDays = tls.certificates.days
  } else {
    socket.destroy()
    layers.tls = [ok(`no TLS: the protocol is ${settings.broker_protocol}`)]
    layers.certificate = [ok('no TLS, no certificate')]
  }

  const clients: MqttClient[] = []
  try {
    const name = `nemo_check_${randomBytes(6).toString('hex')}`
    const reader = await openClient(settings, `${name}_r`, signal)
    clients.push(reader)
    layers.login = [ok(`the broker accepts ${settings.username === '' ? 'us' : `user "${settings.username}"`}`)]
    layers.limits = limitsOf(settings, reader)
    const writer = await openClient(settings, `${name}_w`, signal)
    clients.push(writer)
    Object.assign(found, await roundTrip(settings, reader, writer, layers, signal))
  } catch (error) {
    const finding = loginFinding(error)
    // A broker that wants a certificate says so after the handshake (TLS 1.3), when we believe that it has succeeded.
    if (usesTls(settings) && /our certificate/.test(finding.found)) layers.tls = [finding]
    else layers.login = [finding]
  } finally {
    for (const client of clients) {
      client.removeAllListeners('close')
      client.end(true)
    }
  }
  return found
}

function loginFinding(error: unknown): Finding {
  if (error instanceof LoginRefused) return critical(error.message, error.todo)
  return critical(`the broker cannot be used: ${reasonOf(error)}`, 'see the log of the broker')
}

async function roundTrip(
  settings: Settings,
  reader: MqttClient,
  writer: MqttClient,
  layers: Partial<Record<BrokerLayer, readonly Finding[]>>,
  signal: AbortSignal,
): Promise<Pick<BrokerProbe, 'roundTripMs' | 'state'>> {
  const { topic_prefix, use_hmac, hmac_secret_key } = settings
  const token = randomBytes(8).toString('hex')
  const topic = `${topic_prefix}/bridge/check/${token}`
  const payload = JSON.stringify({ event: 'check', timestamp: new Date().toISOString(), event_id: token })
  const message = use_hmac ? signEnvelope(payload, hmac_secret_key) : payload
  let state: string | undefined
  let backAt: number | undefined
  let received: string | undefined
  const back = new AbortController()
  reader.on('message', (on, bytes) => {
    if (on !== topic) {
      state = bytes.toString()
      return
    }
    backAt = performance.now()
    received = bytes.toString()
    back.abort()
  })

  const refusal = await subscribe(reader, [topic, `${topic_prefix}/bridge/state`], signal)
  const since = performance.now()
  const answer = await publish(writer, topic, message, signal)
  if (answer !== undefined) {
    layers.publish = [critical(`${answer} (topic ${topic})`, WRITE_BELOW(topic_prefix))]
    return { ...(state === undefined ? {} : { state }) }
  }
  const hasVersion5 = settings.mqtt_version === '5'
  layers.publish = [ok(`the broker acknowledged a message on ${topic_prefix}/bridge/check/…`)]
  await waitFor(back.signal, BACK_MS, signal)
  if (received === undefined || backAt === undefined) {
    const reading = `allow this user to read ${topic_prefix}/bridge/check/#`
    const missing = refusal ?? `the message was acknowledged, but did not come back within ${BACK_MS / 1_000} s`
    if (refusal !== undefined) layers.readBack = [unknown(`the test message cannot be read back: ${refusal}`, reading)]
    else if (hasVersion5)
      layers.readBack = [warning(missing, `${reading}, if it may not; then look at the broker’s log`)]
    else {
      const silent = `${missing}: under MQTT 3.1.1 a broker acknowledges what it refuses`
      layers.readBack = [critical(silent, `${WRITE_BELOW(topic_prefix)}, and to read ${topic_prefix}/bridge/check/#`)]
    }
    return { ...(state === undefined ? {} : { state }) }
  }
  const roundTripMs = Math.round((backAt - since) * 10) / 10
  layers.readBack = [ok(`a message went through the broker and came back in ${roundTripMs} ms`)]
  layers.signature = [signatureFinding(settings, payload, received)]
  return { roundTripMs, ...(state === undefined ? {} : { state }) }
}

function signatureFinding({ use_hmac, hmac_secret_key }: Settings, sent: string, received: string): Finding {
  const changed = 'find out what changes messages between publisher and receiver'
  if (!use_hmac) {
    return received === sent ? ok('messages are not signed') : critical('the message came back changed', changed)
  }
  if (openEnvelope(received, hmac_secret_key) === sent) return ok('the message came back with the right signature')
  return critical('the message came back with a wrong signature', changed)
}

/** Subscribes to each topic; gives why one of ours was refused. */
async function subscribe(
  client: MqttClient,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const answers = topics.map(async (topic) => {
    try {
      const granted = await orAbort(client.subscribeAsync(topic, { qos: 1 }), signal, 'no SUBACK')
      const [refused] = granted.filter(({ qos }) => qos >= 0x80)
      return refused === undefined ? undefined : `subscription to ${topic} refused: ${reasonName(refused.qos)}`
    } catch (error) {
      return reasonOf(error)
    }
  })
  return (await Promise.all(answers))[0]
}

/** Publishes at QoS 1; gives why it was refused or not answered. */
async function publish(client: MqttClient, topic: string, message: string, signal: AbortSignal) {
  try {
    await orAbort(client.publishAsync(topic, message, { qos: 1 }), signal, 'no PUBACK')
    return undefined
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (typeof code === 'number') return `the broker refuses our message: ${reasonName(code)}`
    return `the broker did not acknowledge our message: ${reasonOf(error)}`
  }
}

async function orAbort<T>(work: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  work.catch(() => undefined) // it may fail after we gave it up
  return await new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error(`${what} in time`))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

async function waitFor(event: AbortSignal, ms: number, signal: AbortSignal): Promise<void> {
  const end = AbortSignal.any([event, signal, AbortSignal.timeout(ms)])
  if (end.aborted) return
  await new Promise<void>((resolve) => end.addEventListener('abort', () => resolve(), { once: true }))
}
