import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { Wake } from '../wake.ts'
import type { Attributes } from './attributes.ts'
import { type EndedBy, type Outcome, reasonName } from './outcome.ts'

/**
 * Longest wait for one PUBACK; then the link counts as dead, whatever its socket says. In milliseconds. Not much less: a
 * broker that is merely slow would get all of it again, and never be believed to be there.
 */
const PUBACK_MS = 10_000
const CHECK_MS = 500
/** Longest wait for CONNACK, in milliseconds. */
const CONNECT_MS = 5_000
/** Longest wait for what is unanswered when a link is left on purpose, in milliseconds. */
const DRAIN_MS = 2_000
/** Ends of which the other side may know nothing. */
const SILENCE = /keepalive timeout|ETIMEDOUT|UNREACH/i

/** What a broker allows, from its CONNACK; without limits under MQTT 3.1.1, which has no way to say them. */
export interface BrokerLimits {
  readonly receiveMaximum: number
  readonly maximumPacketSize: number
}

/** Why a link ended. */
export class LinkEnd extends Error {
  /** What the broker said in its DISCONNECT (MQTT 5); undefined when it said nothing. */
  readonly reasonCode: number | undefined
  /** Who ended it: the other side, nobody (we gave it up because nothing came), or we, on purpose. */
  readonly by: EndedBy

  constructor(why: string, how: { reasonCode?: number; by?: EndedBy } = {}) {
    super(why)
    this.name = 'LinkEnd'
    this.reasonCode = how.reasonCode
    this.by = how.by ?? 'broker'
  }
}

/**
 * One connection to the broker, from CONNACK to its end; it never reconnects. Whatever was not acknowledged when it
 * ends is `unanswered`, so nothing waits for an answer that cannot come, and nothing is re-sent by the library.
 */
export class Link {
  readonly limits: BrokerLimits
  /** Aborts when the link has ended; the reason is a {@link LinkEnd}. */
  readonly ended: AbortSignal
  readonly #client: MqttClient
  readonly #end = new AbortController()
  readonly #unanswered = new Map<number, { readonly since: number; readonly settle: (outcome: Outcome) => void }>()
  readonly #answered = new Wake()
  readonly #watch: NodeJS.Timeout
  #next = 0
  #isClosing = false
  #acceptedAt = Number.NEGATIVE_INFINITY
  /** Reason code of the last PUBACK. The library tells its callback only those that are errors. */
  #lastReason = 0

  private constructor(client: MqttClient) {
    this.#client = client
    this.ended = this.#end.signal
    const properties = client.serverProperties
    this.limits = {
      // Nothing is allowed to be 0; it would mean that nothing may ever be sent.
      receiveMaximum: properties?.receiveMaximum || 65_535,
      maximumPacketSize: properties?.maximumPacketSize || 268_435_455,
    }
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback') this.#lastReason = packet.reasonCode ?? 0
    })
    client.on('disconnect', ({ reasonCode = 0x80 }) => {
      this.#finish(new LinkEnd(`the broker ended it: ${reasonName(reasonCode)}`, { reasonCode }))
    })
    client.on('error', ({ message }) =>
      this.#finish(new LinkEnd(message, { by: SILENCE.test(message) ? 'silence' : 'broker' })),
    )
    client.on('close', () => this.#finish(new LinkEnd('the connection was closed')))
    client.on('offline', () => this.#finish(new LinkEnd('the connection was lost')))
    this.#watch = setInterval(() => this.#checkDeadline(), CHECK_MS)
  }

  /**
   * Connects.
   *
   * @throws the library's error: refused, not found, timed out, or a CONNACK with a reason code under `code`
   */
  static open(options: IClientOptions, signal: AbortSignal): Promise<Link> {
    const client = connect({ ...options, reconnectPeriod: 0, connectTimeout: CONNECT_MS, resubscribe: false })
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        signal.removeEventListener('abort', stop)
        client.end(true)
        client.stream?.destroy()
        reject(error)
      }
      const stop = (): void => fail(new Error('we are stopping'))
      signal.addEventListener('abort', stop, { once: true })
      // Stays for the client's whole life: an `error` that nobody hears would end the process.
      client.on('error', fail)
      // The library keeps to itself what has no code, such as the answer of a web server to a WebSocket.
      client.stream?.on('error', fail)
      client.once('close', () => fail(new Error('the broker closed the connection before it was accepted')))
      client.once('connect', () => {
        signal.removeEventListener('abort', stop)
        resolve(new Link(client))
      })
    })
  }

  /** Whether messages may be given to it. */
  get isOpen(): boolean {
    return !this.#isClosing && !this.ended.aborted
  }

  /** Messages that the broker has not answered, whoever sent them. */
  get unanswered(): number {
    return this.#unanswered.size
  }

  /** Milliseconds since the broker last accepted a message; infinite when it has not. */
  get acceptedAgoMs(): number {
    return performance.now() - this.#acceptedAt
  }

  /** Publishes at QoS 1 and tells what became of it; never rejects. The text is sent as UTF-8. */
  publish(topic: string, message: string, retain: boolean, properties?: Attributes['properties']): Promise<Outcome> {
    if (this.ended.aborted) return Promise.resolve(this.#unansweredOutcome())
    return new Promise((resolve) => {
      this.#next += 1
      const key = this.#next
      const settle = (outcome: Outcome): void => {
        if (!this.#unanswered.delete(key)) return
        resolve(outcome)
        this.#answered.notify()
      }
      this.#unanswered.set(key, { since: performance.now(), settle })
      this.#client.publish(topic, message, { qos: 1, retain, ...(properties && { properties }) }, (error) => {
        const outcome = this.#outcomeOf(error)
        if (outcome !== undefined) settle(outcome)
      })
    })
  }

  /**
   * Asks for the messages of one topic, at QoS 1.
   *
   * @returns false when the broker does not allow it, or the link has ended
   */
  async subscribe(topic: string, onMessage: (text: string) => void): Promise<boolean> {
    this.#client.on('message', (found, payload) => {
      if (found === topic) onMessage(payload.toString())
    })
    try {
      await this.#client.subscribeAsync(topic, { qos: 1 })
      return true
    } catch {
      return false // the library throws for each reason code of SUBACK above 0x80, and when the link ends
    }
  }

  /** Takes no new message and waits for the answers to those that were sent, at most 2 s. */
  async drain(): Promise<void> {
    this.#isClosing = true
    const deadline = AbortSignal.any([this.ended, AbortSignal.timeout(DRAIN_MS)])
    while (this.unanswered > 0 && !deadline.aborted) await this.#answered.wait(DRAIN_MS, deadline)
  }

  /** Says goodbye, so that the broker drops the will, and closes; at once when the broker does not answer. */
  async close(): Promise<void> {
    if (this.ended.aborted) return
    this.#isClosing = true
    clearInterval(this.#watch)
    // The library says goodbye only when nothing is unanswered any more; without it the broker would send the will.
    for (const id of Object.keys(this.#client.outgoing)) this.#client.removeOutgoingMessage(Number(id))
    await Promise.race([
      this.#client.endAsync(false),
      new Promise<void>((resolve) => this.ended.addEventListener('abort', () => resolve(), { once: true })),
      new Promise<void>((resolve) => setTimeout(resolve, 1_000).unref()),
    ])
    this.#finish(new LinkEnd('closed by us', { by: 'us' }))
  }

  /** Ends the link without a goodbye, because the broker does not answer. */
  cut(why: string): void {
    this.#finish(new LinkEnd(why, { by: 'silence' }))
  }

  #checkDeadline(): void {
    const [oldest] = this.#unanswered.values() // insertion order: the first one is the oldest
    if (oldest !== undefined && performance.now() - oldest.since > PUBACK_MS) {
      this.cut(`no PUBACK within ${PUBACK_MS / 1000} s: the link is dead, or the broker is stuck`)
    }
  }

  #finish(end: LinkEnd): void {
    if (this.ended.aborted) return
    clearInterval(this.#watch)
    this.#end.abort(end)
    for (const { settle } of [...this.#unanswered.values()]) settle(this.#unansweredOutcome())
    this.#client.end(true)
    this.#client.stream?.destroy()
  }

  #unansweredOutcome(): Outcome {
    return { kind: 'unanswered', by: (this.ended.reason as LinkEnd).by }
  }

  // The callback is called while the packet that caused it is handled, so the last reason is its own. Without a packet
  // the link has ended or is about to; why, its end will tell.
  #outcomeOf(error: Error | undefined | null): Outcome | undefined {
    const reasonCode = (error as { code?: unknown } | undefined | null)?.code
    if (error && typeof reasonCode !== 'number') return undefined
    if (typeof reasonCode === 'number' && reasonCode >= 0x80) {
      return { kind: 'refused', reasonCode, why: reasonName(reasonCode) }
    }
    this.#acceptedAt = performance.now()
    return { kind: 'delivered', hasSubscribers: this.#lastReason !== 0x10 }
  }
}
