import { EventEmitter } from 'node:events'
import type { Change } from './change.ts'
import type { Entry } from './queue/entry.ts'

/** A message that the broker has. */
export interface Delivery {
  readonly entry: Entry
  /** False when the broker says that nobody listens (reason 0x10, MQTT 5). */
  readonly hasSubscribers: boolean
  /** How often it was sent, this time included. */
  readonly attempts: number
  /** The text on the wire, signed if signing is on; undefined when whoever tells does not have it. */
  readonly wire?: string
}

/** A change that became messages. */
export interface Mapped {
  readonly change: Change
  /** Its entries as they lie in Redis, in their order. */
  readonly entries: readonly string[]
}

/** A message that cannot be published. */
export interface Parked {
  /** Undefined when the entry cannot even be read. */
  readonly entry: Entry | undefined
  readonly reason: string
}

/**
 * What passes through the pipeline, for those who only look: metrics, the message log, monitors. They are told in the
 * middle of the work, so they take note and do theirs later; nothing that they do can hold up a message.
 */
export class Traffic extends EventEmitter<{
  read: [readonly Change[]]
  mapped: [change: Mapped, readAt: number]
  pushed: [changes: readonly Mapped[]]
  taken: [Entry]
  sent: [Entry]
  delivered: [Delivery]
  parked: [Parked]
  silent: [change: Change, why: string | undefined]
}> {
  /** Since the start of the process. */
  readonly counts = {
    /** Events that were queued, by name. */
    queued: new Map<string, number>(),
    silent: 0,
    /** Events that a filter left out. */
    filtered: 0,
    unmapped: 0,
    sent: 0,
    delivered: 0,
    unheard: 0,
    refused: 0,
    repeated: 0,
    parked: 0,
    links: 0,
    claims: 0,
  }

  /** Counts events that were queued. */
  queued(event: string): void {
    const { queued } = this.counts
    queued.set(event, (queued.get(event) ?? 0) + 1)
  }

  /**
   * A change became messages, which are about to be queued.
   *
   * @param readAt when it was read from the log, by `performance.now()`
   */
  mapped(mapped: Mapped, readAt: number): void {
    this.emit('mapped', mapped, readAt)
  }

  /** Redis has the messages of these changes; those of changes without any do not count. */
  pushed(changes: readonly Mapped[]): void {
    this.emit('pushed', changes)
  }

  /** An entry was taken from the queue. The same object stands for it until it is delivered or parked. */
  taken(entry: Entry): void {
    this.emit('taken', entry)
  }

  /** Its message was given to the broker, which has not answered yet. */
  sent(entry: Entry): void {
    this.counts.sent += 1
    this.emit('sent', entry)
  }

  /** The broker has a message. */
  delivered(delivery: Delivery): void {
    this.counts.delivered += 1
    if (!delivery.hasSubscribers) this.counts.unheard += 1
    if (delivery.attempts > 1) this.counts.repeated += 1
    this.emit('delivered', delivery)
  }

  /** A message was set aside. */
  parked(parked: Parked): void {
    this.counts.parked += 1
    this.emit('parked', parked)
  }

  /** Changes were read from the log, and will become messages or not. */
  read(changes: readonly Change[]): void {
    this.emit('read', changes)
  }

  /**
   * A change became no message.
   *
   * @param why for people; without it, what the mappers make of the columns that differ
   */
  silent(change: Change, why?: string): void {
    this.counts.silent += 1
    this.emit('silent', change, why)
  }
}
