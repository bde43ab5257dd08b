import { hostname } from 'node:os'
import { Backoff, firstOf, pause } from '../backoff.ts'
import type { LiveSettings } from '../config/live.ts'
import type { Settings } from '../config/settings.ts'
import { pythonJson } from '../dialect/python-json.ts'
import { AppError, reasonOf } from '../errors.ts'
import type { Health } from '../health.ts'
import type { Entry } from '../queue/entry.ts'
import { signEnvelope } from '../sign/envelope.ts'
import { type Attributes, attributesOf } from './attributes.ts'
import { brokerAddress, type Client, connectOptions, usesTls } from './connect-options.ts'
import { Link, type LinkEnd } from './link.ts'
import { differ, OF_THE_LINK, OF_THE_WAIT, STATE_PLACE } from './link-settings.ts'
import type { Outcome } from './outcome.ts'
import { remedyFor } from './remedy.ts'
import { connectTrouble } from './tls-trouble.ts'

/** A link that has lasted this long, or on which a message was delivered, counts as a success. */
const STABLE_MS = 5_000
/** After so many short links in a row it is no longer called connected before the link has lasted. */
const UNSTEADY_LINKS = 3
/** After so many the next attempt waits longer, whatever was delivered, in milliseconds. */
const SHORT_LINKS = 5
const UNSTEADY_MS = 500
/** Reason code of a broker that got another client with our id (MQTT 5, section 3.14.2.1). */
const TAKEN_OVER = 0x8e
/** A state that was refused is said again so often, in milliseconds. */
const SAY_AGAIN_MS = 5_000
/** Longest wait for the acknowledgement of `stopped`, in milliseconds. */
const FAREWELL_MS = 1_000

/** What the retained topic `{prefix}/bridge/state` says: running, ended on purpose, or gone without a word (the will). */
export type BridgeState = 'online' | 'stopped' | 'lost'

/**
 * Keeps a link to the broker: connects, says `online`, and after a loss connects again with a new client, so that
 * the name is looked up anew and nothing of the old connection lives on. When settings of the link change, it leaves
 * the old one in order and makes a new one at once, whatever it was waiting for.
 */
export class Broker {
  readonly #live: LiveSettings
  readonly #health: Health
  readonly #onLink: () => void
  /** What the present link, or the attempt to get one, is made with. */
  #settings: Settings
  #backoff: Backoff
  #link: Link | undefined
  /** Aborted when the present link, or the pause before the next one, is to end. */
  #turn = new AbortController()
  #isResting = false
  #hasDelivered = false
  #isStateRefused = false
  #failedAttempts = 0
  #shortLinks = 0
  #certificates: string | undefined

  /** @param onLink told of each link that was made */
  constructor(live: LiveSettings, health: Health, onLink: () => void = () => undefined) {
    this.#live = live
    this.#onLink = onLink
    this.#health = health
    this.#settings = live.current
    this.#backoff = new Backoff({ capMs: this.#settings.reconnect_delay * 1_000 })
  }

  /** The present link, if there is one. */
  get link(): Link | undefined {
    return this.#link?.isOpen === true ? this.#link : undefined
  }

  /** Hash of the certificate files of the present link or attempt; undefined without TLS, or when they cannot be used. */
  get certificates(): string | undefined {
    return this.#certificates
  }

  /** To be called when a message was delivered: the link is good. */
  delivered(): void {
    this.#hasDelivered = true
  }

  /** The message on the wire for a payload: signed if signing is on, with the key of this moment. */
  message(payload: string): string {
    const { use_hmac, hmac_secret_key, dialect } = this.#live.current
    if (!use_hmac) return payload
    return signEnvelope(payload, hmac_secret_key, dialect === 'plugin' ? pythonJson : JSON.stringify)
  }

  /** What goes with it under MQTT 5. */
  attributes(entry: Entry): Attributes | undefined {
    return attributesOf(entry, this.#live.current)
  }

  /** Says `online` once more, if there is a link: the will of an instance that vanished may have come after ours. */
  sayOnline(): void {
    void this.link?.publish(this.#stateTopic, this.message('online' satisfies BridgeState), true)
  }

  /** Ends the present link in order, or the pause before the next one, and connects at once. False if it does already. */
  relink(): boolean {
    if (this.#turn.signal.aborted) return false
    this.#turn.abort()
    return true
  }

  /**
   * Runs until the signal aborts.
   *
   * @throws AppError NEMO_MQTT_ERR_BROKER when the settings say that a lost link ends the service
   */
  async run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#live.subscribe((now) => {
      const isOther = differ(OF_THE_LINK, this.#settings, now)
      const isOtherWait = this.#link?.isOpen !== true && differ(OF_THE_WAIT, this.#settings, now)
      if (isOther || isOtherWait || this.#isResting !== (this.#live.paused !== undefined)) this.relink()
    })
    const stop = (): void => this.#turn.abort()
    signal.addEventListener('abort', stop)
    try {
      while (!signal.aborted) {
        this.#turn = new AbortController()
        this.#isResting = this.#live.paused !== undefined
        if (this.#live.paused === undefined) await this.#connection(signal)
        else await this.#rest(this.#live.paused)
      }
    } finally {
      signal.removeEventListener('abort', stop)
      unsubscribe()
    }
  }

  async #rest(why: string): Promise<void> {
    this.#health.waiting('broker', `not connected: ${why}`)
    await pause(60_000, this.#turn.signal)
  }

  async #connection(signal: AbortSignal): Promise<void> {
    this.#use(this.#live.current)
    const link = await this.#connect(this.#turn.signal)
    if (link === undefined) return
    const since = performance.now()
    this.#link = link
    this.#onLink()
    this.#hasDelivered = false
    const lasts = setTimeout(() => this.#lasts(), STABLE_MS)
    const again = setInterval(() => void this.#sayAgain(link), SAY_AGAIN_MS)
    await firstOf(link.ended, this.#turn.signal)
    clearTimeout(lasts)
    clearInterval(again)
    if (signal.aborted) return
    if (link.ended.aborted) {
      await this.#lost(link, performance.now() - since)
    } else {
      await this.#leave(link)
    }
  }

  // `stopped` is said only where nobody will say `online` in a moment.
  async #leave(link: Link): Promise<void> {
    await link.drain()
    const { current, paused } = this.#live
    const isElsewhere = differ(STATE_PLACE, this.#settings, current)
    if (isElsewhere || paused !== undefined) await this.#farewell(link)
    else await link.close()
  }

  // A setting that was corrected is tried at once, and the waits begin anew.
  #use(settings: Settings): void {
    const isSame = !differ([...OF_THE_LINK, ...OF_THE_WAIT], this.#settings, settings)
    this.#settings = settings
    if (isSame) return
    this.#backoff = new Backoff({ capMs: settings.reconnect_delay * 1_000 })
    this.#failedAttempts = 0
    this.#shortLinks = 0
  }

  /** Says `stopped` where `online` was said, and disconnects, so that the broker does not send the will. */
  async close(): Promise<void> {
    if (this.link !== undefined) await this.#farewell(this.link)
  }

  async #farewell(link: Link): Promise<void> {
    const farewell = link.publish(this.#stateTopic, this.message('stopped' satisfies BridgeState), true)
    const answer = await Promise.race([farewell, pause(FAREWELL_MS, link.ended)])
    if (answer === undefined) link.cut('the broker does not answer')
    else await link.close()
  }

  async #connect(signal: AbortSignal): Promise<Link | undefined> {
    const { max_reconnect_attempts } = this.#settings
    const at = this.#address
    try {
      this.#certificates = undefined
      const { options, certificates } = connectOptions(this.#settings, this.#client)
      this.#certificates = certificates
      const link = await Link.open(options, signal)
      // Acknowledged, it proves that this link carries messages; only then are others trusted to it.
      const birth = await this.#birth(link, signal)
      if (birth.kind === 'unanswered') throw link.ended.reason ?? new Error('the link ended')
      this.#tell(birth)
      this.#failedAttempts = 0
      return link
    } catch (error) {
      if (signal.aborted) return undefined
      const trouble = await connectTrouble(this.#settings, error, signal)
      if (signal.aborted) return undefined
      const why = trouble?.why ?? reasonOf(error)
      this.#health.failing('broker', `no connection to the broker at ${at}: ${why}`, trouble?.todo ?? remedyFor(error))
      this.#failedAttempts += 1
      if (max_reconnect_attempts > 0 && this.#failedAttempts >= max_reconnect_attempts) {
        throw new AppError(
          'NEMO_MQTT_ERR_BROKER',
          `gave up on the broker at ${at} after ${max_reconnect_attempts} attempts: ${why}`,
          {
            hint: 'NEMO_MQTT_MAX_RECONNECT_ATTEMPTS=0 never gives up',
          },
        )
      }
      await pause(this.#backoff.next(), signal)
      return undefined
    }
  }

  /** Says `online`; a stop does not wait for the answer of a broker that gives none. */
  async #birth(link: Link, signal: AbortSignal): Promise<Outcome> {
    const stop = (): void => link.cut('we are stopping')
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await link.publish(this.#stateTopic, this.message('online' satisfies BridgeState), true)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  // Who corrects the broker's rules does not end the link, and wants to see that it helped.
  async #sayAgain(link: Link): Promise<void> {
    const { signal } = this.#turn
    if (!this.#isStateRefused || !link.isOpen || signal.aborted) return
    const answer = await this.#birth(link, signal)
    if (answer.kind !== 'unanswered') this.#tell(answer)
  }

  #lasts(): void {
    if (this.#shortLinks < UNSTEADY_LINKS) return
    this.#shortLinks = 0
    if (!this.#isStateRefused) this.#health.ok('broker', `the link to the broker at ${this.#address} lasts again`)
  }

  #tell(birth: Outcome): void {
    this.#isStateRefused = birth.kind === 'refused'
    if (birth.kind === 'refused') {
      const remedy = 'allow this user to write below the topic prefix'
      this.#health.failing('broker', `the broker refuses ${this.#stateTopic}: ${birth.why}`, remedy)
    } else if (this.#shortLinks < UNSTEADY_LINKS) {
      this.#sayConnected()
    }
  }

  #sayConnected(): void {
    if (usesTls(this.#settings) && !this.#settings.tls_verify) {
      this.#health.ok('broker', `connected to the broker at ${this.#address}; ${NOT_VERIFIED}`, 'warn')
    } else {
      this.#health.ok('broker', `connected to the broker at ${this.#address}`)
    }
  }

  async #lost(link: Link, lastedMs: number): Promise<void> {
    this.#use(this.#live.current) // the waits may be others now
    const why = reasonOf(link.ended.reason)
    if (!this.#live.current.auto_reconnect) {
      throw new AppError('NEMO_MQTT_ERR_BROKER', `the link to the broker was lost: ${why}`, {
        hint: 'NEMO_MQTT_AUTO_RECONNECT=true connects again by itself',
      })
    }
    const isTakenOver = (link.ended.reason as LinkEnd).reasonCode === TAKEN_OVER
    const isStable = lastedMs >= STABLE_MS
    // Two clients with one id kick each other out for ever, and each delivers something in between.
    if (isStable || (this.#hasDelivered && !isTakenOver)) this.#backoff.reset()
    this.#shortLinks = isStable ? 0 : this.#shortLinks + 1
    const remedy = isTakenOver || this.#shortLinks >= UNSTEADY_LINKS ? ONE_ID_TWICE : ''
    this.#health.failing('broker', `the link to the broker was lost: ${why}`, remedy)
    await pause(Math.max(this.#backoff.next(), this.#shortLinks >= SHORT_LINKS ? UNSTEADY_MS : 0), this.#turn.signal)
  }

  get #address(): string {
    return brokerAddress(this.#settings)
  }

  get #stateTopic(): string {
    return `${this.#settings.topic_prefix}/bridge/state`
  }

  get #client(): Client {
    const { client_id, clean_session: clean } = this.#settings
    const clientId = client_id === '' ? `nemo_bridge_${hostname()}_${process.pid}` : client_id
    const will = { topic: this.#stateTopic, payload: this.message('lost' satisfies BridgeState) }
    return { clientId, clean, will }
  }
}

const NOT_VERIFIED = 'its certificate is not verified (NEMO_MQTT_TLS_VERIFY=false), so anybody could be that broker'

const ONE_ID_TWICE =
  'if this goes on, another client may be using the same client id: leave NEMO_MQTT_CLIENT_ID empty, or make it unique'
