import type { Log } from '../log.ts'
import type { EventQueue } from '../queue/event-queue.ts'
import { BOUNDS } from '../queue/keys.ts'
import type { Traffic } from '../traffic.ts'
import type { Message } from './lanes.ts'

/** Pause before a full parked list is tried again, in milliseconds. */
const FULL_MS = 30_000

/** An entry that cannot be published; `message` is undefined when it cannot even be read. */
interface Misfit {
  readonly text: string | Buffer
  readonly message: Message | undefined
  readonly reason: string
}

/** What the parking works with. */
export interface ParkingParts {
  readonly queue: EventQueue
  readonly traffic: Traffic
  readonly log: Log
  /** Does something after so many milliseconds, unless the bridge is over by then. */
  readonly later: (ms: number, act: () => void) => void
}

/**
 * Moves what cannot be published from the in-flight list to the parked one, with the reason, so that it is neither
 * lost nor in anybody's way. When the parked list is full nothing is dropped: the entry keeps its place in flight.
 */
export class Parking {
  readonly #parts: ParkingParts
  #misfits: Misfit[] = []
  #isFull = false
  readonly #unreadable = { entries: 0, bytes: 0 }

  constructor(parts: ParkingParts) {
    this.#parts = parts
  }

  /** Entries in flight that cannot be read and are not parked yet, and their bytes. */
  get unreadable(): { readonly entries: number; readonly bytes: number } {
    return this.#unreadable
  }

  /** Why nothing more can be parked; undefined when there is room. */
  get trouble(): string | undefined {
    return this.#isFull
      ? `${BOUNDS.parked} messages are parked, no more can be; further ones keep their place instead`
      : undefined
  }

  /** To be parked next time; `message` is undefined when the entry cannot be read. */
  add(text: string | Buffer, message: Message | undefined, reason: string): void {
    this.#misfits.push({ text, message, reason })
    if (message === undefined) this.#countUnreadable(1, text.length)
  }

  /**
   * Parks what was added.
   *
   * @param onParked told of each message that is done with
   * @throws AppError NEMO_MQTT_ERR_REDIS when the queue is lost
   */
  async park(onParked: (message: Message) => void): Promise<void> {
    const { queue, traffic, log, later } = this.#parts
    for (const misfit of this.#misfits.splice(0)) {
      const { text, message, reason } = misfit
      const attempts = message === undefined ? 0 : message.refusals + message.closes
      const parked = JSON.stringify({ entry: text.toString(), reason, attempts, time: new Date().toISOString() })
      this.#isFull = !(await queue.park(text, parked))
      if (this.#isFull) {
        later(FULL_MS, () => this.#misfits.push(misfit))
        continue
      }
      log.error({ topic: message?.entry.topic, reason, attempts }, 'a message cannot be published; it is parked')
      traffic.parked({ entry: message?.entry, reason })
      if (message === undefined) this.#countUnreadable(-1, -text.length)
      else onParked(message)
    }
  }

  #countUnreadable(entries: number, bytes: number): void {
    this.#unreadable.entries += entries
    this.#unreadable.bytes += bytes
  }
}
