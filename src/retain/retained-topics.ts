import type { Pool } from 'pg'
import { Backoff, pause } from '../backoff.ts'
import type { LiveSettings } from '../config/live.ts'
import type { Log } from '../log.ts'
import type { Broker } from '../publish/broker.ts'
import type { Link } from '../publish/link.ts'
import { Wake } from '../wake.ts'
import { forgetTopics, keepTopics, keptTopics } from './kept.ts'

/** Retained messages that the broker has not answered, at most: events have the right of way. */
const WINDOW = 30
/** How often it is looked whether the link is a new one, in milliseconds. */
const LOOK_MS = 250
/** A refused message is tried again after this, in milliseconds. */
const AGAIN_MS = 10_000
/** Longest time since it was certain that this is the active instance: one that was frozen knows an old state. */
const CONFIRMED_MS = 1_000
/** Everything is sent again so often, in milliseconds: somebody else may have written to our topics. */
const REFRESH_MS = 600_000

/** What {@link RetainedTopics} works with. */
export interface RetainedParts {
  readonly broker: Broker
  readonly pool: Pool
  readonly live: LiveSettings
  readonly log: Log
  /** Resolves while this is the active instance. */
  readonly confirm: (signal: AbortSignal) => Promise<void>
  /** Told of each link before anything is sent on it. */
  readonly onLink: (link: Link) => void
}

/**
 * Keeps retained messages at the broker as they ought to be: whoever subscribes finds the present state at once.
 *
 * What ought to be is given as a whole; what differs from what the broker has acknowledged on the present link is sent.
 * A new link starts from nothing, because the broker may have lost its memory. Topics that ought not to be any more are
 * emptied, those of earlier lives included. State may be sent late but never in the wrong order: one message a topic is
 * under way at a time.
 */
export class RetainedTopics {
  readonly #parts: RetainedParts
  readonly #wake = new Wake()
  /** Undefined until somebody has said what ought to be: before that nothing is emptied. */
  #wanted: ReadonlyMap<string, string> | undefined
  #kept = new Set<string>()
  /** What the broker has acknowledged on this link, with this key; made anew with either, so that a late answer is lost. */
  #there = new Map<string, string>()
  readonly #underWay = new Set<string>()
  readonly #restUntil = new Map<string, number>()
  #link: Link | undefined
  #freshAt = 0
  #confirmedAt = Number.NEGATIVE_INFINITY
  #hasTold = false

  constructor(parts: RetainedParts) {
    this.#parts = parts
  }

  /** Says what ought to be retained, topic to text, unsigned; everything else of ours is emptied. */
  want(topics: ReadonlyMap<string, string>): void {
    this.#wanted = topics
    this.#wake.notify()
  }

  /** Sends once more what is retained below these levels: somebody has come who may have missed it. */
  sendAgain(prefix: string): void {
    for (const topic of this.#there.keys()) if (topic.startsWith(`${prefix}/`)) this.#there.delete(topic)
    this.#wake.notify()
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { pool, live, log } = this.#parts
    // A signature is part of what is retained.
    const unsubscribe = live.subscribe((now, before) => {
      if (now.use_hmac !== before.use_hmac || now.hmac_secret_key !== before.hmac_secret_key) this.#there = new Map()
      this.#wake.notify()
    })
    const backoff = new Backoff({ capMs: 10_000 })
    let isKnown = false
    while (!signal.aborted) {
      try {
        if (!isKnown) this.#kept = new Set(await keptTopics(pool))
        isKnown = true
        await this.#turn(signal)
        backoff.reset()
        this.#hasTold = false
        await this.#wake.wait(LOOK_MS, signal)
      } catch (error) {
        if (!this.#hasTold) log.warn({ err: error }, 'retained topics wait: PostgreSQL cannot say which there are')
        this.#hasTold = true
        await pause(backoff.next(), signal)
      }
    }
    unsubscribe()
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { broker, live } = this.#parts
    const link = broker.link
    if (link !== this.#link || performance.now() - this.#freshAt > REFRESH_MS) {
      this.#link = link
      this.#freshAt = performance.now()
      this.#there = new Map()
      this.#restUntil.clear()
      if (link !== undefined) this.#parts.onLink(link)
    }
    if (link === undefined || this.#wanted === undefined || live.paused !== undefined) return
    const differing = this.#differing().slice(0, WINDOW - this.#underWay.size)
    if (differing.length > 0) await this.#confirm(signal)
    await this.#keep(differing)
    if (signal.aborted) return
    for (const topic of differing) void this.#send(link, topic)
    await this.#forget()
  }

  async #confirm(signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#confirmedAt < CONFIRMED_MS) return
    const askedAt = performance.now()
    await this.#parts.confirm(signal)
    this.#confirmedAt = askedAt
  }

  #differing(): string[] {
    const now = performance.now()
    const isDue = (topic: string): boolean => !this.#underWay.has(topic) && (this.#restUntil.get(topic) ?? 0) <= now
    const wanted = this.#wanted ?? new Map<string, string>()
    const changed = [...wanted].filter(([topic, text]) => this.#there.get(topic) !== text).map(([topic]) => topic)
    const gone = [...this.#kept].filter((topic) => !wanted.has(topic) && this.#there.get(topic) !== '')
    // What is taken back goes first: for a display, the message that comes last is the present.
    return [...gone, ...changed].filter(isDue)
  }

  async #keep(topics: readonly string[]): Promise<void> {
    const fresh = topics.filter((topic) => !this.#kept.has(topic))
    if (fresh.length === 0) return
    await keepTopics(this.#parts.pool, fresh)
    for (const topic of fresh) this.#kept.add(topic)
  }

  async #forget(): Promise<void> {
    const empty = [...this.#kept].filter((topic) => this.#there.get(topic) === '' && this.#wanted?.has(topic) !== true)
    if (empty.length === 0) return
    await forgetTopics(this.#parts.pool, empty)
    for (const topic of empty) this.#kept.delete(topic)
  }

  // An empty message is how MQTT takes a retained one back (section 3.3.1.3); it has no content that could be signed.
  async #send(link: Link, topic: string): Promise<void> {
    const there = this.#there
    const text = this.#wanted?.get(topic) ?? ''
    this.#underWay.add(topic)
    const outcome = await link.publish(topic, text === '' ? '' : this.#parts.broker.message(text), true)
    this.#underWay.delete(topic)
    if (outcome.kind === 'delivered') there.set(topic, text)
    if (outcome.kind === 'refused') {
      this.#restUntil.set(topic, performance.now() + AGAIN_MS)
      this.#parts.log.warn({ topic, why: outcome.why }, 'the broker refuses a retained message; it is tried again')
    }
    this.#wake.notify()
  }
}
