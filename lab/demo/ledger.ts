import type { Expected, WrittenChange } from '../life.ts'
import type { ReceivedMessage } from '../subscriber.ts'

const EVENT_IDS_KEPT = 100_000
const SAMPLES_KEPT = 10_000
/** Topics that tell how the bridge is, not what NEMO did. */
const OWN = ['bridge/state', 'bridge/health']

/** A message and the row change it came from. */
export interface Match {
  change: WrittenChange
  message: ReceivedMessage
  /** From the row change to the subscriber, in milliseconds. */
  latencyMs: number
}

/** What a demo amounts to. */
export interface Totals {
  changes: number
  /** Messages that arrived and had to. */
  messages: number
  /** Messages that came once more, with an event id already seen: allowed. */
  repeats: number
  /** Messages that had to arrive and have not, as `event on topic`. */
  missing: string[]
  /** Messages that nobody expected. */
  surplus: string[]
  /** Messages that overtook an earlier one of the same tool, area, reservation or access record. */
  overtakers: string[]
  signatureFaults: number
  latencyMs: { p50: number; p99: number }
}

interface Awaited {
  expected: Expected
  change: WrittenChange
}

/**
 * Holds the messages that arrive against the changes that were made. Either may be heard of first: a message can be
 * quicker than the answer to the statement that caused it.
 */
export class Ledger {
  readonly #prefix: string
  readonly #onMatch: (match: Match) => void
  readonly #awaited = new Map<string, Awaited[]>()
  readonly #arrived = new Map<string, ReceivedMessage[]>()
  readonly #eventIds = new Set<string>()
  readonly #latencies: number[] = []
  readonly #overtakers: string[] = []
  #changes = 0
  #messages = 0
  #repeats = 0
  #signatureFaults = 0

  constructor(prefix: string, onMatch: (match: Match) => void) {
    this.#prefix = `${prefix}/`
    this.#onMatch = onMatch
  }

  /** Messages that are still awaited. */
  get open(): number {
    return [...this.#awaited.values()].reduce((sum, queue) => sum + queue.length, 0)
  }

  /** Messages that arrived and had to. */
  get messages(): number {
    return this.#messages
  }

  /** Takes note of a row change. */
  wrote(change: WrittenChange): void {
    this.#changes += 1
    for (const expected of change.expected) {
      const entity = entityOf(expected.topic)
      append(this.#awaited, entity, { expected, change })
      this.#settle(entity)
    }
  }

  /** Takes note of a message. */
  received(message: ReceivedMessage): void {
    if (message.fault !== undefined) this.#signatureFaults += 1
    if (OWN.some((topic) => message.topic === this.#prefix + topic)) return
    const eventId = String(fieldsOf(message).event_id ?? '')
    if (this.#eventIds.has(eventId)) {
      this.#repeats += 1
      return
    }
    this.#eventIds.add(eventId)
    for (const oldest of this.#eventIds) if (this.#eventIds.size > EVENT_IDS_KEPT) this.#eventIds.delete(oldest)
    const entity = entityOf(message.topic.slice(this.#prefix.length))
    append(this.#arrived, entity, message)
    this.#settle(entity)
  }

  /** What it all amounts to so far. */
  totals(): Totals {
    const sorted = this.#latencies.toSorted((a, b) => a - b)
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return {
      changes: this.#changes,
      messages: this.#messages,
      repeats: this.#repeats,
      missing: [...this.#awaited.values()].flat().map(({ expected }) => `${expected.event} on ${expected.topic}`),
      surplus: [...this.#arrived.values()].flat().map((message) => `${fieldsOf(message).event} on ${message.topic}`),
      overtakers: this.#overtakers,
      signatureFaults: this.#signatureFaults,
      latencyMs: { p50: at(0.5), p99: at(0.99) },
    }
  }

  #settle(entity: string): void {
    const awaited = this.#awaited.get(entity) ?? []
    const left = (this.#arrived.get(entity) ?? []).filter((message) => !this.#take(awaited, message))
    if (left.length > 0) this.#arrived.set(entity, left)
    else this.#arrived.delete(entity)
    if (awaited.length === 0) this.#awaited.delete(entity)
  }

  #take(awaited: Awaited[], message: ReceivedMessage): boolean {
    const { event } = fieldsOf(message)
    const is = ({ expected }: Awaited) => expected.event === event && this.#prefix + expected.topic === message.topic
    const place = awaited.findIndex(is)
    const [found] = place < 0 ? [] : awaited.splice(place, 1)
    if (found === undefined) return false
    if (place > 0) this.#overtakers.push(`${event} on ${message.topic}`)
    this.#messages += 1
    const latencyMs = message.receivedAt - changedAt(message, found.change)
    this.#latencies.push(latencyMs)
    if (this.#latencies.length > SAMPLES_KEPT) this.#latencies.shift()
    this.#onMatch({ change: found.change, message, latencyMs })
    return true
  }
}

/** A tool, an area, a reservation or an access record: what has an order of its own. */
function entityOf(topic: string): string {
  return topic.split('/').slice(0, 2).join('/')
}

function fieldsOf(message: ReceivedMessage): Record<string, unknown> {
  return typeof message.parsed === 'object' && message.parsed !== null
    ? (message.parsed as Record<string, unknown>)
    : {}
}

/** The database's own word on when the row changed: both clocks are this machine's. */
function changedAt(message: ReceivedMessage, change: WrittenChange): number {
  const text = String(fieldsOf(message).timestamp ?? '')
  const micros = Number(/\.\d{3}(\d{1,3})/.exec(text)?.[1]?.padEnd(3, '0') ?? 0)
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? change.committedAt : ms + micros / 1_000
}

function append<T>(queues: Map<string, T[]>, key: string, item: T): void {
  const queue = queues.get(key)
  if (queue === undefined) queues.set(key, [item])
  else queue.push(item)
}
