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
  delivered: [Delivery]
  parked: [Parked]
  silent: [Change, string | undefined]
  read: [readonly Change[]]
}> {
  /** Since the start of the process. */
  readonly counts = {
    /** Events that were queued, by name. */
    queued: new Map<string, number>(),
    silent: 0,
    /** Events that a filter left out. */
    filtered: 0,
    unmapped: 0,
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

  /** A change became no message; `why` when not for what it is, but because a filter left its events out. */
  silent(change: Change, why?: string): void {
    this.counts.silent += 1
    this.emit('silent', change, why)
  }
}
