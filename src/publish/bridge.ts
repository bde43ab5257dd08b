import { setImmediate as afterThisTurn } from 'node:timers/promises'
import type { PendingChanges } from '../capture/pending.ts'
import { AppError } from '../errors.ts'
import type { Health } from '../health.ts'
import type { Log } from '../log.ts'
import { decodeEntry } from '../queue/entry.ts'
import type { EventQueue } from '../queue/event-queue.ts'
import { BOUNDS } from '../queue/keys.ts'
import type { Wake } from '../wake.ts'
import type { Broker } from './broker.ts'
import { Lanes, type Message } from './lanes.ts'
import type { Link } from './link.ts'
import { type Outcome, retryDelayMs, triesFor } from './outcome.ts'
import { packetBytes, topicProblem } from './topic.ts'

/** Unanswered messages at once, if the broker allows as many. */
const WINDOW = 200
/** Entries in flight: the window, and as many more so that one resting lane does not starve the others. */
const IN_FLIGHT = 1_000
/** And what they take, in bytes, the last one not counted: a thousand long problem reports would fill the memory. */
const IN_FLIGHT_BYTES = 16_000_000
/** The queue is looked at this often when nothing wakes us: other programs push to it too. In milliseconds. */
const POLL_MS = 100
const STATUS_MS = 30_000
/**
 * Longest time since Redis last said that the queue is ours, in milliseconds; with older knowledge nothing is sent. A
 * process that was frozen may have been replaced meanwhile, and what it has in memory is old news when it wakes up.
 */
export const OWNED_MS = 700
const PARKED_FULL_MS = 30_000
const PARKED_FULL = `${BOUNDS.parked} messages are parked, no more can be; further ones keep their place instead`

/** What the bridge works with. */
export interface BridgeParts {
  readonly queue: EventQueue
  readonly broker: Broker
  readonly pending: PendingChanges
  /** Notified when the listener pushed; the bridge notifies itself through it as well. */
  readonly wake: Wake
  readonly health: Health
  readonly log: Log
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
  readonly #lanes = new Lanes()
  readonly #timers = new Set<NodeJS.Timeout>()
  #settled: Message[] = []
  #toPark: Array<{ readonly text: string; readonly message: Message | undefined; readonly reason: string }> = []
  #unreadable = 0
  #unreadableBytes = 0
  #isParkedFull = false
  #isOver = false
  #ownedAt = Number.NEGATIVE_INFINITY
  #saidStatusAt = 0
  #saidStatus: string | undefined
  /** Messages since the start. */
  readonly counts = { delivered: 0, unheard: 0, refused: 0, parked: 0 }

  constructor(parts: BridgeParts) {
    this.#parts = parts
  }

  /**
   * Runs until the signal aborts.
   *
   * @throws AppError NEMO_MQTT_ERR_REDIS when the queue is lost
   */
  async run(signal: AbortSignal): Promise<void> {
    const { broker, wake, health } = this.#parts
    while (!signal.aborted) {
      const link = broker.link
      const room = link === undefined ? 0 : IN_FLIGHT - this.#lanes.size - this.#unreadable
      const taken = await this.#turn(room, IN_FLIGHT_BYTES - this.#lanes.bytes - this.#unreadableBytes)
      await this.#sayStatus(link)
      if (this.#isParkedFull) health.failing('bridge', PARKED_FULL)
      else if (link !== undefined) health.ok('bridge', 'messages can flow')
      else health.waiting('bridge', 'waiting for the broker; what comes stays in Redis and PostgreSQL')
      this.#pump()
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

  /** Sends nothing more: the queue is lost, and whoever claims it next starts from what Redis has. */
  abandon(): void {
    this.#isOver = true
    for (const timer of this.#timers) clearTimeout(timer)
  }

  async #turn(room: number, roomBytes: number): Promise<number> {
    const { queue, pending } = this.#parts
    await this.#park()
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
    for (const { entry } of settled) if (entry.origin !== null) pending.settle(entry.origin.change)
    for (const text of taken) this.#accept(text)
    return taken.length
  }

  #accept(text: string): void {
    try {
      const entry = decodeEntry(text)
      const message: Message = { text, entry, refusals: 0, closes: 0, closesAlone: 0, deliveredBefore: 0 }
      this.#lanes.add(message)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#unreadable += 1
      this.#unreadableBytes += text.length
      this.#toPark.push({ text, message: undefined, reason: error.message })
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
    void link.publish(topic, signed, retain).then((outcome) => this.#answered(message, outcome))
  }

  #answered(message: Message, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'delivered':
        this.counts.delivered += 1
        if (!outcome.hasSubscribers) this.counts.unheard += 1
        this.#parts.broker.delivered()
        this.#finishWith(message)
        break
      case 'refused':
        this.#refused(message, outcome)
        break
      case 'unanswered':
        if (this.#lanes.linkEnded(message, this.#isEvidence(message, outcome.isSilent))) {
          const what = outcome.isSilent ? 'did not answer' : 'closed the connection'
          this.#setAside(message, `the broker ${what} ${message.closesAlone} times on this message alone`)
        }
        break
    }
    this.#pump()
    this.#parts.wake.notify()
  }

  #refused(message: Message, outcome: Extract<Outcome, { kind: 'refused' }>): void {
    this.counts.refused += 1
    message.refusals += 1
    this.#lanes.rest(message)
    if (message.refusals >= triesFor(outcome.reasonCode)) {
      this.#setAside(message, `the broker refused it ${message.refusals} times: ${outcome.why}`)
    } else {
      this.#later(retryDelayMs(message.refusals), () => this.#lanes.wake(message))
    }
  }

  // A broker that answers nothing at all must not make us park everything: silence tells against a message only when
  // others were delivered since it last met it.
  #isEvidence(message: Message, isSilent: boolean): boolean {
    if (!isSilent) return true
    const isOnlyThis = this.counts.delivered > message.deliveredBefore
    message.deliveredBefore = this.counts.delivered
    return isOnlyThis
  }

  #finishWith(message: Message): void {
    this.#lanes.done(message)
    this.#settled.push(message)
  }

  #setAside(message: Message, reason: string): void {
    this.#toPark.push({ text: message.text, message, reason })
    this.#parts.wake.notify()
  }

  async #park(): Promise<void> {
    const { queue, log, pending } = this.#parts
    for (const one of this.#toPark.splice(0)) {
      const { text, message, reason } = one
      const attempts = message === undefined ? 0 : message.refusals + message.closes
      const parked = JSON.stringify({ entry: text, reason, attempts, time: new Date().toISOString() })
      this.#isParkedFull = !(await queue.park(text, parked))
      if (this.#isParkedFull) {
        this.#later(PARKED_FULL_MS, () => this.#toPark.push(one))
        continue
      }
      this.counts.parked += 1
      log.error({ topic: message?.entry.topic, reason, attempts }, 'a message cannot be published; it is parked')
      if (message === undefined) {
        this.#unreadable -= 1
        this.#unreadableBytes -= text.length
        continue
      }
      this.#lanes.done(message)
      if (message.entry.origin !== null) pending.settle(message.entry.origin.change)
    }
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

  async #sayStatus(link: Link | undefined): Promise<void> {
    const status = link === undefined ? 'disconnected' : 'connected'
    if (status === this.#saidStatus && Date.now() - this.#saidStatusAt < STATUS_MS) return
    this.#saidStatus = status
    this.#saidStatusAt = Date.now()
    await this.#parts.queue.sayStatus(status)
  }
}
