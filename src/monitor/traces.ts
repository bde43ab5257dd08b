import type { Change } from '../change.ts'
import type { Entry } from '../queue/entry.ts'
import type { Mapped } from '../traffic.ts'
import { cut } from './cut.ts'
import { charactersOfRow } from './note.ts'
import type { Way } from './under-way.ts'

/** How many changes are kept. */
const MOST = 500
/** What they may take, in characters. */
const MOST_CHARACTERS = 4_000_000

/** What is kept of one message of a change; times in milliseconds since 1970. */
export interface MessageTrace {
  /** The entry as it lies in Redis; undefined when it was queued before the start. */
  readonly text: string | undefined
  /** The entry as it was taken. */
  entry: Pick<Entry, 'topic' | 'payload'> | undefined
  queuedAt: number | null
  way: Way | undefined
  answeredAt: number | null
  isUnheard: boolean
  attempts: number
  /** Why it was parked. */
  parked: string | null
}

/** What is kept of one change. */
export interface Trace {
  readonly id: string
  /** Undefined when it was read before the start, or is not kept any more. */
  readonly change: Change | undefined
  readonly readAt: number | null
  readonly messages: MessageTrace[]
  /** Why it became no message. */
  readonly silent: { readonly why: string | undefined } | undefined
}

/** The last changes with the way of each of their messages. */
export class Traces {
  readonly #traces = new Map<string, { readonly trace: Trace; characters: number }>()
  #characters = 0

  /** Characters that are kept in memory. */
  get characters(): number {
    return this.#characters
  }

  get size(): number {
    return this.#traces.size
  }

  find(id: string): Trace | undefined {
    return this.#traces.get(id)?.trace
  }

  /** A change became messages. */
  mapped({ change, entries }: Mapped, readAt: number): void {
    const messages = entries.map((text) => newMessage(text))
    const texts = entries.reduce((sum, text) => sum + text.length, 0)
    this.#add({ id: change.id, change, readAt, messages, silent: undefined }, charactersOfChange(change) + texts)
  }

  /** A change became none. */
  silent(change: Change, why: string | undefined, readAt: number): void {
    this.#add({ id: change.id, change, readAt, messages: [], silent: { why } }, charactersOfChange(change))
  }

  /** Redis has the messages of a change. */
  pushed(id: string, at: number): void {
    for (const message of this.find(id)?.messages ?? []) message.queuedAt = at
  }

  /** The bridge has taken a message. */
  taken(entry: Entry, way: Way): void {
    const message = this.#messageOf(entry)
    if (message === undefined) return
    message.way = way
    message.queuedAt ??= entry.queuedAt === null ? null : entry.queuedAt * 1_000
  }

  /** The broker has a message. */
  delivered(entry: Entry, at: number, isUnheard: boolean, attempts: number): void {
    const message = this.#messageOf(entry)
    if (message === undefined) return
    message.answeredAt = at
    message.isUnheard = isUnheard
    message.attempts = attempts
    message.parked = null
  }

  /** A message was set aside. */
  parked(entry: Entry, at: number, reason: string): void {
    const message = this.#messageOf(entry)
    if (message === undefined) return
    message.answeredAt = at
    message.parked = reason
  }

  #messageOf({ origin, topic, payload }: Entry): MessageTrace | undefined {
    if (origin === null) return undefined
    const { change, index, count } = origin
    if (index < 0 || index >= count || count > MOST) return undefined // no entry of ours, whatever it says
    if (!this.#traces.has(change)) {
      const messages = Array.from({ length: count }, () => newMessage(undefined))
      this.#add({ id: change, change: undefined, readAt: null, messages, silent: undefined }, 100 * count)
    }
    const kept = this.#traces.get(change)
    const message = kept?.trace.messages[index]
    if (kept === undefined || message === undefined) return undefined
    if (message.text === undefined && message.entry === undefined) {
      message.entry = { topic, payload: cut(payload, 10_000) }
      kept.characters += topic.length + message.entry.payload.length
      this.#characters += topic.length + message.entry.payload.length
    }
    return message
  }

  #add(trace: Trace, characters: number): void {
    const before = this.#traces.get(trace.id)
    if (before !== undefined) this.#characters -= before.characters
    this.#traces.delete(trace.id)
    this.#traces.set(trace.id, { trace, characters })
    this.#characters += characters
    for (const [id, oldest] of this.#traces) {
      if (this.#traces.size <= MOST && this.#characters <= MOST_CHARACTERS) break
      this.#traces.delete(id)
      this.#characters -= oldest.characters
    }
  }
}

function newMessage(text: string | undefined): MessageTrace {
  return {
    text,
    entry: undefined,
    queuedAt: null,
    way: undefined,
    answeredAt: null,
    isUnheard: false,
    attempts: 0,
    parked: null,
  }
}

function charactersOfChange(change: Change): number {
  return charactersOfRow(change.old) + charactersOfRow(change.new)
}
