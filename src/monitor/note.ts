import { subjectOf } from '../archive/record.ts'
import type { Change } from '../change.ts'
import { whySilent } from '../map/silence.ts'
import { decodeEntry, type Entry } from '../queue/entry.ts'
import { verifyEnvelope } from '../sign/verify.ts'
import { cut } from './cut.ts'
import type { ShownMessage, WholeMessage } from './shown.ts'

/** A longer payload travels cut, in characters; the whole one is asked for by its id. */
const SHOWN_CHARACTERS = 4_096

/** What was noted in the middle of the work: references, and nothing that takes time. */
export type Source =
  | { readonly kind: 'redis'; readonly text: string; readonly from: NonNullable<ShownMessage['from']> }
  | {
      readonly kind: 'mqtt' | 'pulse'
      readonly entry: Pick<Entry, 'topic' | 'retain' | 'origin'>
      readonly wire: string
      /** The key in force; empty when messages are not signed. */
      readonly secret: string
      readonly attempts: number
      readonly reasonCode: number | null
    }
  | { readonly kind: 'parked'; readonly entry: Entry | undefined; readonly reason: string }
  | { readonly kind: 'silent'; readonly change: Change; readonly why: string | undefined }

/** How many characters a source keeps in memory, about. */
export function charactersOf(source: Source): number {
  switch (source.kind) {
    case 'redis':
      return source.text.length
    case 'mqtt':
    case 'pulse':
      return source.wire.length
    case 'parked':
      return source.entry?.payload.length ?? 0
    case 'silent':
      return charactersOfRow(source.change.old) + charactersOfRow(source.change.new)
  }
}

/** About how many characters a row takes. */
export function charactersOfRow(row: Change['old']): number {
  let sum = 0
  for (const name in row) {
    const value = row[name]
    sum += name.length + (typeof value === 'string' ? value.length : 8)
  }
  return sum
}

/** One row of the monitor, made readable when somebody wants to read it, and then once. */
export class Note {
  readonly id: number
  readonly at: number | null
  readonly source: Source
  readonly #isCut: boolean
  #shown: ShownMessage | undefined

  /** @param mostCharacters of a longer text only the beginning is kept, as it travels */
  constructor(id: number, at: number | null, source: Source, mostCharacters = 2_000_000) {
    this.id = id
    this.at = at
    this.#isCut = charactersOf(source) > mostCharacters
    // What is cut could not be read as an entry or an envelope any more, so it is read first.
    if (this.#isCut) this.#shown = shownOf(id, at, source)
    this.source = this.#isCut ? withoutText(source) : source
  }

  /** How many characters it keeps. */
  get characters(): number {
    return charactersOf(this.source)
  }

  /** As it travels to a reader. */
  get shown(): ShownMessage {
    this.#shown ??= shownOf(this.id, this.at, this.source)
    return this.#shown
  }

  /** The whole message, as far as it was kept. */
  get whole(): WholeMessage {
    if (this.#isCut) return { payload: this.shown.payload, wire: null, isCut: true }
    const { payload, wire } = textsOf(this.source)
    return { payload, wire, isCut: false }
  }
}

function withoutText(source: Source): Source {
  switch (source.kind) {
    case 'redis':
      return { ...source, text: '' }
    case 'mqtt':
    case 'pulse':
      return { ...source, wire: '' }
    case 'parked':
      return { ...source, entry: undefined }
    case 'silent':
      return { ...source, change: { ...source.change, old: null, new: null } }
  }
}

interface Texts {
  readonly entry: Pick<Entry, 'topic' | 'retain' | 'origin'> | undefined
  readonly payload: string | null
  readonly wire: string | null
  readonly signature: ShownMessage['signature']
}

function textsOf(source: Source): Texts {
  switch (source.kind) {
    case 'redis': {
      const entry = decodeEntry(source.text)
      return { entry, payload: entry.payload, wire: null, signature: null }
    }
    case 'mqtt':
    case 'pulse': {
      const { entry, wire, secret } = source
      const verdict = secret === '' ? ({ state: 'none' } as const) : verifyEnvelope(wire, secret)
      const payload = verdict.state === 'none' ? wire : (verdict.payload ?? wire)
      return { entry, payload, wire, signature: verdict.state }
    }
    case 'parked':
      return { entry: source.entry, payload: source.entry?.payload ?? null, wire: null, signature: null }
    case 'silent':
      return { entry: undefined, payload: null, wire: null, signature: null }
  }
}

function shownOf(id: number, at: number | null, source: Source): ShownMessage {
  const { entry, payload, wire, signature } = textsOf(source)
  const subject = payload === null ? undefined : subjectOf(payload)
  const isSent = source.kind === 'mqtt' || source.kind === 'pulse'
  const isSilent = source.kind === 'silent'
  return {
    id,
    kind: source.kind,
    at,
    topic: entry?.topic ?? null,
    payload: payload === null ? null : cut(payload, SHOWN_CHARACTERS),
    characters: payload?.length ?? 0,
    bytes: Buffer.byteLength(wire ?? payload ?? ''),
    retain: entry?.retain ?? false,
    event: subject?.event ?? null,
    eventId: payload === null || subject?.event === null ? null : eventIdOf(payload),
    change: isSilent ? source.change.id : (entry?.origin?.change ?? subject?.change ?? null),
    signature,
    hmac: signature === 'good' || signature === 'bad' ? hmacOf(wire ?? '') : null,
    attempts: isSent ? source.attempts : null,
    reasonCode: isSent ? source.reasonCode : null,
    why: isSilent ? (source.why ?? whySilent(source.change)) : source.kind === 'parked' ? source.reason : null,
    from: source.kind === 'redis' ? source.from : null,
    row: isSilent ? rowOf(source.change) : null,
  }
}

// The events of ours end with it; whoever writes events of his own may put it anywhere.
function eventIdOf(payload: string): string | null {
  const { event_id } = JSON.parse(payload) as { event_id?: unknown }
  return typeof event_id === 'string' ? event_id : null
}

function hmacOf(wire: string): string | null {
  const { hmac } = JSON.parse(wire) as { hmac?: unknown }
  return typeof hmac === 'string' ? hmac : null
}

function rowOf({ operation, table, old, new: row }: Change): string {
  const { id } = row ?? old ?? {}
  return `${operation} ${table}${id === undefined ? '' : ` ${String(id)}`}`
}
