import { setImmediate as afterThisTurn } from 'node:timers/promises'
import type { PendingChanges } from '../capture/pending.ts'
import { AppError } from '../errors.ts'
import type { Health } from '../health.ts'
import type { Liveness } from '../liveness.ts'
import type { Log } from '../log.ts'
import { decodeEntry, notText } from '../queue/entry.ts'
import type { EventQueue } from '../queue/event-queue.ts'
import { KEYS, RELOAD } from '../queue/keys.ts'
import type { Traffic } from '../traffic.ts'
import type { Wake } from '../wake.ts'
import { type BridgeFindings, BridgeHealth } from './bridge-health.ts'
import { BridgeStatus } from './bridge-status.ts'
import type { Broker } from './broker.ts'
import { freshMessage, Lanes, type Message } from './lanes.ts'
import type { Link } from './link.ts'
import { type EndedBy, type Outcome, retryDelayMs, triesFor } from './outcome.ts'
import { Parking } from './parking.ts'
import { NO_ROOM, roomFor } from './room.ts'
import { packetBytes, topicProblem } from './topic.ts'
import { Vanished } from './vanished.ts'

/** Unanswered messages at once, if the broker allows as many. */
const WINDOW = 200
/** The queue is looked at this often when nothing wakes us: other programs push to it too. In milliseconds. */
const POLL_MS = 200
/** A broker that has accepted something within this time means the message when it refuses one, in milliseconds. */
const ACCEPTS_MS = 20_000
/** After so many refusals of one message, some seconds, people are told. */
const TELL_REFUSALS = 5
/**
 * Longest time since Redis last said that the queue is ours, in milliseconds; with older knowledge nothing is sent. A
 * process that was frozen may have been replaced meanwhile, and what it has in memory is old news when it wakes up.
 */
export const OWNED_MS = 700
/** After so many answers in a row that came too late for this, people are told. */
const TELL_LATE = 3
const LATE = {
  why: `Redis needs more than ${OWNED_MS / 1_000} s for an answer: too old to know that the queue is ours, so nothing is sent`,
  todo: 'see what keeps Redis busy, or bring it nearer',
}

/** What the bridge works with. */
export interface BridgeParts {
  readonly queue: EventQueue
  readonly broker: Broker
  readonly pending: PendingChanges
  /** Notified when the listener pushed; the bridge notifies itself through it as well. */
  readonly wake: Wake
  readonly health: Health
  readonly traffic: Traffic
  readonly liveness: Liveness
  readonly log: Log
  /** Called when another program asks, through Redis, for the configuration to be read again. */
  readonly onReload?: () => void
}

/**
 * The loop from Redis to the broker: takes entries, signs and publishes them within a window, and removes an entry
 * from Redis only after the broker acknowledged it, or after it was parked with a reason. A crash in between repeats
 * a message under the same `event_id` and loses none.
 *
 * Trouble with the broker is waited out; trouble with Redis ends the loop, because the claim on the queue is lost.
 */
export class Bridge {
  readonly #parts: BridgeParts
  readonly #health: BridgeHealth
  readonly #lanes = new Lanes()
  readonly #vanished = new Vanished()
  readonly #parking: Parking
  readonly #status: BridgeStatus
  readonly #timers = new Set<NodeJS.Timeout>()
  #settled: Message[] = []
  #isOver = false
  #ownedAt = Number.NEGATIVE_INFINITY
  #lateAnswers = 0
  #refusal: string | undefined

  constructor(parts: BridgeParts) {
    this.#parts = parts
    this.#health = new BridgeHealth(parts.health)
    this.#status = new BridgeStatus(parts.queue)
    const later = (ms: number, act: () => void): void => this.#later(ms, act)
    this.#parking = new Parking({ queue: parts.queue, traffic: parts.traffic, log: parts.log, later })
  }

  /**
   * Runs until the signal aborts.
   *
   * @throws AppError NEMO_MQTT_ERR_REDIS when the queue is lost
   */
  async run(signal: AbortSignal): Promise<void> {
    const { broker, wake, liveness } = this.#parts
    while (!signal.aborted) {
      liveness.turn('bridge')
      const link = broker.link
      const { room, roomBytes } = link === undefined ? NO_ROOM : roomFor(this.#lanes, this.#parking.unreadable)
      const taken = await this.#turn(room, roomBytes)
      this.#lateAnswers = performance.now() - this.#ownedAt > OWNED_MS ? this.#lateAnswers + 1 : 0
      await this.#status.say(link === undefined ? 'disconnected' : 'connected')
      this.#health.tell({ trouble: this.#trouble(), hasLink: link !== undefined })
      this.#pump()
      if (taken === 0 && room > 0) this.#lookForVanished()
      if (taken < room || room === 0) await wake.wait(POLL_MS, signal)
      await afterThisTurn() // acknowledgements come in bursts: take them along
    }
  }

  /** Waits for outstanding answers, at most `ms` milliseconds, and puts back what got none. Call after `run` ended. */
  async finish(ms: number): Promise<void> {
    this.abandon()
    const deadline = AbortSignal.timeout(ms)
    while (this.#lanes.unanswered > 0 && this.#parts.broker.link !== undefined && !deadline.aborted) {
      await this.#parts.wake.wait(ms, deadline)
    }
    await this.#turn(0, 0)
    await this.#parts.queue.giveBack()
    await this.#parts.queue.sayStatus('disconnected')
  }

  /** Entries that are in flight, and messages that the broker has not answered. */
  get inFlight(): { readonly entries: number; readonly unanswered: number } {
    return { entries: this.#lanes.size + this.#parking.unreadable.entries, unanswered: this.#lanes.unanswered }
  }

  /** Sends nothing more: the queue is lost, and whoever claims it next starts from what Redis has. */
  abandon(): void {
    this.#isOver = true
    this.#parts.liveness.ended('bridge')
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #trouble(): BridgeFindings['trouble'] {
    if (this.#lanes.held.messages === 0) this.#refusal = undefined
    if (this.#lateAnswers >= TELL_LATE) return LATE
    const why = this.#parking.trouble ?? this.#refusal
    return why === undefined ? undefined : { why }
  }

  #lookForVanished(): void {
    const { pending, health } = this.#parts
    const isBusy = this.#lanes.size > 0 || this.#parking.unreadable.entries > 0 || this.#settled.length > 0
    // A full Redis takes no push for as long as it is full.
    if (isBusy || health.of('redis').state !== 'ok') return
    const count = this.#vanished.look(pending.undelivered())
    if (count === 0) return
    throw new AppError('NEMO_MQTT_ERR_REDIS', `messages of ${count} changes have vanished from ${KEYS.queue}`, {
      hint: 'another program takes entries out of the list, the old bridge of the Python plugin perhaps: stop it',
    })
  }

  async #turn(room: number, roomBytes: number): Promise<number> {
    const { queue, pending } = this.#parts
    await this.#parking.park((message) => this.#parked(message))
    const settled = this.#settled
    const askedAt = performance.now()
    if (settled.length === 0 && room <= 0 && askedAt - this.#ownedAt < OWNED_MS / 2) return 0
    this.#settled = []
    const taken = await queue.turn(
      settled.map((message) => message.text),
      Math.max(0, room),
      Math.max(0, roomBytes),
    )
    this.#ownedAt = askedAt
    this.#obey(queue.orders())
    for (const { entry } of settled) if (entry.origin !== null) pending.settle(entry.origin.change)
    for (const text of taken) this.#accept(text)
    return taken.length
  }

  #obey(orders: readonly string[]): void {
    const { log, onReload } = this.#parts
    for (const order of new Set(orders)) {
      if (order === RELOAD) onReload?.()
      else log.warn({ order }, `${KEYS.control} holds something that we do not know; it is ignored`)
    }
  }

  #accept(text: string | Buffer): void {
    try {
      if (typeof text !== 'string') throw notText()
      const message = freshMessage(text, decodeEntry(text))
      this.#lanes.add(message)
      this.#parts.traffic.taken(message.entry)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#parking.add(text, undefined, error.message)
      this.#parts.wake.notify()
    }
  }

  #pump(): void {
    const link = this.#parts.broker.link
    if (link === undefined || this.#isOver || performance.now() - this.#ownedAt > OWNED_MS) return
    // What the bridge of an earlier claim sent on this link and the broker has not answered takes its place too.
    const others = link.unanswered - this.#lanes.unanswered
    const window = Math.min(WINDOW, link.limits.receiveMaximum) - others
    for (let message = this.#lanes.next(window); message !== undefined; message = this.#lanes.next(window)) {
      this.#publish(link, message)
    }
  }

  #publish(link: Link, message: Message): void {
    const { topic, payload, retain } = message.entry
    const signed = this.#parts.broker.message(payload.toWellFormed())
    const bytes = packetBytes(topic, signed)
    const problem =
      topicProblem(topic) ??
      (bytes > link.limits.maximumPacketSize
        ? `the packet has ${bytes} bytes, the broker allows ${link.limits.maximumPacketSize}`
        : undefined)
    if (problem !== undefined) {
      this.#lanes.rest(message)
      this.#setAside(message, problem)
      return
    }
    const attributes = this.#parts.broker.attributes(message.entry)
    const fits =
      attributes !== undefined && packetBytes(topic, signed, attributes.bytes) <= link.limits.maximumPacketSize
    this.#parts.traffic.sent(message.entry)
    const sent = link.publish(topic, signed, retain, fits ? attributes.properties : undefined)
    void sent.then((outcome) => this.#answered(message, outcome, link, signed))
  }

  #answered(message: Message, outcome: Outcome, link: Link, wire: string): void {
    switch (outcome.kind) {
      case 'delivered':
        this.#parts.traffic.delivered({
          entry: message.entry,
          hasSubscribers: outcome.hasSubscribers,
          attempts: 1 + message.refusals + message.closes,
          wire,
        })
        this.#parts.broker.delivered()
        this.#finishWith(message)
        break
      case 'refused':
        this.#refused(message, outcome, link)
        break
      case 'unanswered':
        if (this.#lanes.linkEnded(message, this.#isEvidence(message, outcome.by))) {
          const what = outcome.by === 'silence' ? 'did not answer' : 'closed the connection'
          this.#setAside(message, `the broker ${what} ${message.closesAlone} times on this message alone`)
        }
        break
    }
    this.#pump()
    this.#parts.wake.notify()
  }

  // A broker that accepts nothing refuses us, or is in trouble: nothing is wrong with the message. So it waits until
  // somebody has seen to it, and then it is delivered.
  #refused(message: Message, outcome: Extract<Outcome, { kind: 'refused' }>, link: Link): void {
    this.#parts.traffic.counts.refused += 1
    message.refusals += 1
    this.#lanes.rest(message)
    if (link.acceptedAgoMs < ACCEPTS_MS) message.refusalsAlone += 1
    if (message.refusalsAlone >= triesFor(outcome.reasonCode)) {
      this.#setAside(message, `the broker refused it ${message.refusals} times: ${outcome.why}`)
    } else {
      if (message.refusals >= TELL_REFUSALS) this.#refusal = `the broker refuses messages, which wait: ${outcome.why}`
      this.#later(retryDelayMs(message.refusals), () => this.#lanes.wake(message))
    }
  }

  // A broker that answers nothing at all must not make us park everything: silence tells against a message only when
  // others were delivered since it last met it.
  #isEvidence(message: Message, by: EndedBy): boolean {
    if (by === 'us') return false
    if (by === 'broker') return true
    const { delivered } = this.#parts.traffic.counts
    const isOnlyThis = delivered > message.deliveredBefore
    message.deliveredBefore = delivered
    return isOnlyThis
  }

  #finishWith(message: Message): void {
    this.#lanes.done(message)
    this.#settled.push(message)
  }

  #setAside(message: Message, reason: string): void {
    this.#parking.add(message.text, message, reason)
    this.#parts.wake.notify()
  }

  #parked(message: Message): void {
    this.#lanes.done(message)
    if (message.entry.origin !== null) this.#parts.pending.settle(message.entry.origin.change)
  }

  #later(ms: number, act: () => void): void {
    if (this.#isOver) return // the entry goes back to the queue, and a timer would keep the process alive
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
      this.#parts.wake.notify()
    }, ms)
    this.#timers.add(timer)
  }
}
