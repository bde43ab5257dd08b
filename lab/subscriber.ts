import { EventEmitter, on } from 'node:events'
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { holdAgainstContract } from './contract.ts'
import { openSigned } from './signature.ts'
import { until } from './wait.ts'

/** One message as it arrived. */
export interface ReceivedMessage {
  topic: string
  /** The text, taken out of its envelope when a secret was given. */
  payload: string
  /** The text as it was on the wire. */
  raw: string
  /** The payload read as JSON; undefined when it is not JSON. */
  parsed: unknown
  qos: number
  retain: boolean
  /** Whether the broker says that it sent this before. */
  dup: boolean
  /** MQTT 5 properties, `userProperties` among them. */
  properties: NonNullable<IPublishPacket['properties']>
  /** Milliseconds since 1970, with fractions. */
  receivedAt: number
  /** Why the signature is not right; undefined when it is or when nobody asked. */
  fault: string | undefined
}

/** How {@link startSubscriber} connects and what it listens to. */
export interface SubscriberOptions {
  url: string
  /** @defaultValue `['#']` */
  topics?: readonly string[]
  /** Fixed, so that the broker keeps what arrives while it is away. @defaultValue one made up */
  clientId?: string
  /** @defaultValue '5' */
  protocol?: '5' | '3.1.1'
  /** With it every message is opened and its signature verified. */
  secret?: string
  /** Messages on this topic go to {@link Subscriber.aside}: they come at any time, and say nothing of NEMO. */
  aside?: string
  /** Further options of MQTT.js: username, ca, ... */
  connection?: IClientOptions
}

/** A subscriber at QoS 1 that writes down everything and comes back to its session after an outage. */
export class Subscriber {
  /** Everything that arrived so far, in order. */
  readonly messages: ReceivedMessage[] = []
  /** What arrived on the topic that was put aside. */
  readonly aside: ReceivedMessage[] = []
  readonly client: MqttClient
  readonly #secret: string | undefined
  readonly #aside: string | undefined
  readonly #arrivals = new EventEmitter().setMaxListeners(0)

  constructor(client: MqttClient, { secret, aside }: Pick<SubscriberOptions, 'secret' | 'aside'> = {}) {
    this.client = client
    this.#secret = secret
    this.#aside = aside
    client.on('error', () => undefined) // it reconnects by itself; whoever waits is told by a deadline
    client.on('message', (_topic, _payload, packet) => this.#record(packet))
  }

  /** Messages whose signature is not right. */
  get faults(): ReceivedMessage[] {
    return this.messages.filter((message) => message.fault !== undefined)
  }

  /** Waits until so many messages have arrived in all, and gives them. */
  waitFor(count: number, deadlineMs?: number): Promise<ReceivedMessage[]>
  /** Waits for the first message of which the condition holds, arrived already or not, and gives it. */
  waitFor(condition: (message: ReceivedMessage) => boolean, deadlineMs?: number): Promise<ReceivedMessage>
  async waitFor(
    wanted: number | ((message: ReceivedMessage) => boolean),
    deadlineMs = 10_000,
  ): Promise<ReceivedMessage[] | ReceivedMessage> {
    const found = (): ReceivedMessage[] | ReceivedMessage | undefined => {
      if (typeof wanted !== 'number') return this.messages.find(wanted)
      return this.messages.length >= wanted ? this.messages : undefined
    }
    const what = typeof wanted === 'number' ? `${wanted} messages` : `a message with ${wanted}`
    try {
      return await until(found, { deadlineMs, everyMs: 5, what })
    } catch (cause) {
      const last = this.messages.slice(-5).map(({ topic, payload }) => `\n  ${topic} ${payload.slice(0, 200)}`)
      throw new Error(`waited ${deadlineMs} ms for ${what}; ${this.messages.length} arrived${last.join('')}`, { cause })
    }
  }

  /** All messages from the first on, for ever; leave the loop to end it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedMessage, void, undefined> {
    const arrivals = on(this.#arrivals, 'message')
    try {
      for (let next = 0; ; ) {
        for (; next < this.messages.length; next++) yield this.messages[next] as ReceivedMessage
        await arrivals.next()
      }
    } finally {
      await arrivals.return?.()
    }
  }

  /** Calls back with each message as it arrives. */
  onMessage(callback: (message: ReceivedMessage) => void): void {
    this.#arrivals.on('message', callback)
  }

  /** Leaves. The broker keeps the session, so a subscriber with the same client id gets what came meanwhile. */
  async stop(): Promise<void> {
    await this.client.endAsync(true)
  }

  #record(packet: IPublishPacket): void {
    const raw = packet.payload.toString()
    const { payload, fault } =
      this.#secret === undefined ? { payload: raw, fault: undefined } : openSigned(raw, this.#secret)
    const message: ReceivedMessage = {
      topic: packet.topic,
      payload,
      raw,
      parsed: parse(payload),
      qos: packet.qos,
      retain: packet.retain,
      dup: packet.dup,
      properties: packet.properties ?? {},
      receivedAt: performance.timeOrigin + performance.now(),
      fault,
    }
    if (packet.topic === this.#aside) {
      this.aside.push(message)
      return
    }
    holdAgainstContract(message.topic, message.parsed)
    this.messages.push(message)
    this.#arrivals.emit('message', message)
  }
}

/** Connects and subscribes; resolves when the broker has confirmed both. */
export async function startSubscriber(options: SubscriberOptions): Promise<Subscriber> {
  const { protocol = '5', topics = ['#'] } = options
  const client = mqtt.connect(options.url, {
    clientId: options.clientId ?? `lab_${process.pid}_${Math.random().toString(36).slice(2, 10)}`,
    protocolVersion: protocol === '5' ? 5 : 4,
    clean: false,
    reconnectPeriod: 100,
    // Under MQTT 5 "not clean" alone is not enough: without an expiry the session ends with the connection.
    ...(protocol === '5' ? { properties: { sessionExpiryInterval: 86_400 } } : {}),
    ...options.connection,
  })
  // Before the connection stands: a kept session may send at once.
  const subscriber = new Subscriber(client, options)
  try {
    await until(() => client.connected, { what: `the subscriber to be connected to ${options.url}` })
    await client.subscribeAsync([...topics], { qos: 1 })
  } catch (error) {
    await subscriber.stop()
    throw error
  }
  return subscriber
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
