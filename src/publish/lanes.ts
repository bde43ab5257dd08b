import type { Entry } from '../queue/entry.ts'
import { TRIES } from './outcome.ts'

/** An entry that was taken from the queue and is on its way to the broker. */
export interface Message {
  /** The entry as it lies in Redis. */
  readonly text: string
  readonly entry: Entry
  /** How often the broker refused it. */
  refusals: number
  /** How often it did so while it accepted others: then the message is the likely cause. */
  refusalsAlone: number
  /** How often the link ended while it was unanswered. */
  closes: number
  /** How often the link ended while it was the only unanswered message: then it is the likely cause. */
  closesAlone: number
  /** How many messages had been delivered when it last found the broker silent. */
  deliveredBefore: number
}

/** An entry that was just taken: nothing has happened to it yet. */
export function freshMessage(text: string, entry: Entry): Message {
  return { text, entry, refusals: 0, refusalsAlone: 0, closes: 0, closesAlone: 0, deliveredBefore: 0 }
}

/** Pause before a message that ended the link is tried again, doubled each time, in milliseconds. */
const AFTER_CLOSE_MS = 400

interface Lane {
  readonly messages: Message[]
  bytes: number
}

/**
 * Which message may be sent next.
 *
 * Messages of one entity form a lane and are sent one at a time: only the head of a lane is ever unanswered, so a
 * message that must be repeated is never overtaken by a later one of its own entity, and holds up nobody else's. A
 * head is in one of these states:
 *
 * - fresh: may be sent whenever the window has room.
 * - suspect: the link ended while it was unanswered. One of the suspects may be what the broker cannot bear, so they
 *   are sent alone, one after the other, before anything fresh. After a restart of the broker that costs milliseconds.
 * - culprit: the link ended while it was sent alone. It is tried again after a pause, alone, and parked after a few
 *   times; fresh ones flow in between.
 * - sent: unanswered. - resting: refused, waiting for its next try (the caller keeps the time).
 *
 * The lane of a resting head or a culprit stands still; all that is in it is {@link Lanes.held}.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>()
  readonly #fresh: Message[] = []
  readonly #suspects: Message[] = []
  readonly #culprits: Array<{ readonly message: Message; readonly dueAt: number }> = []
  readonly #sent = new Set<Message>()
  readonly #still = new Set<Message>()
  readonly #now: () => number
  #alone: Message | undefined
  #size = 0
  #bytes = 0

  /** @param now milliseconds of a clock that is never set back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Messages in all lanes, the sent ones included. */
  get size(): number {
    return this.#size
  }

  /** What their entries take, about, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** What stands still behind a head that may not be sent now, the head included. */
  get held(): { readonly messages: number; readonly bytes: number } {
    let [messages, bytes] = [0, 0]
    for (const { entry } of this.#still) {
      const lane = this.#lanes.get(entry.entity)
      messages += lane?.messages.length ?? 0
      bytes += lane?.bytes ?? 0
    }
    return { messages, bytes }
  }

  /** Messages that the broker has not answered. */
  get unanswered(): number {
    return this.#sent.size
  }

  /** Puts a message at the end of its lane. */
  add(message: Message): void {
    const { entity } = message.entry
    const bytes = message.text.length
    const lane = this.#lanes.get(entity)
    this.#size += 1
    this.#bytes += bytes
    if (lane !== undefined) {
      lane.messages.push(message)
      lane.bytes += bytes
    } else {
      this.#lanes.set(entity, { messages: [message], bytes })
      this.#fresh.push(message)
    }
  }

  /** The next message to send, which then counts as sent; undefined when none may be sent now. */
  next(window: number): Message | undefined {
    if (this.#alone !== undefined || this.#sent.size >= window) return undefined
    if (this.#suspects.length > 0) return this.#sent.size === 0 ? this.#send(this.#suspects.shift(), true) : undefined
    const culprit = this.#culprits[0]
    if (culprit !== undefined && culprit.dueAt <= this.#now()) {
      return this.#sent.size === 0 ? this.#send(this.#culprits.shift()?.message, true) : undefined
    }
    return this.#send(this.#fresh.shift(), false)
  }

  /** The message is done with, delivered or parked: its lane goes on. */
  done(message: Message): void {
    this.#answered(message)
    this.#still.delete(message)
    const lane = this.#lanes.get(message.entry.entity)
    if (lane?.messages[0] !== message) return
    lane.messages.shift()
    lane.bytes -= message.text.length
    this.#size -= 1
    this.#bytes -= message.text.length
    const [head] = lane.messages
    if (head === undefined) this.#lanes.delete(message.entry.entity)
    else this.#fresh.push(head)
  }

  /** The broker refused it: it rests at the head of its lane until {@link wake}. */
  rest(message: Message): void {
    this.#answered(message)
    this.#still.add(message)
  }

  /** A resting message may be sent again. */
  wake(message: Message): void {
    this.#still.delete(message)
    this.#fresh.push(message)
  }

  /**
   * The link ended before the broker answered. Returns true when the message has ended the link too often; it rests.
   * Without evidence against it, as when the broker has fallen silent for everything, it is tried again for ever.
   */
  linkEnded(message: Message, isEvidence = true): boolean {
    const wasAlone = this.#alone === message
    this.#answered(message)
    message.closes += 1
    if (!wasAlone) {
      this.#suspects.push(message)
      return false
    }
    if (isEvidence) message.closesAlone += 1
    this.#still.add(message)
    if (message.closesAlone >= TRIES.closesLink) return true
    this.#culprits.push({ message, dueAt: this.#now() + AFTER_CLOSE_MS * 2 ** message.closesAlone })
    return false
  }

  #send(message: Message | undefined, isAlone: boolean): Message | undefined {
    if (message === undefined) return undefined
    this.#sent.add(message)
    this.#still.delete(message)
    if (isAlone) this.#alone = message
    return message
  }

  #answered(message: Message): void {
    this.#sent.delete(message)
    if (this.#alone === message) this.#alone = undefined
  }
}
