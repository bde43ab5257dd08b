import { Bounded } from './bounded.ts'
import { Note, type Source } from './note.ts'
import { KINDS, type Kind, type ShownMessage, type Totals } from './shown.ts'

/** How many rows of each kind a new reader gets. */
const TOLD = 100
/** How many of each kind are kept: what comes at once goes to the readers a moment later. */
export const KEPT = 500
/** What they may take of each kind, in characters: 8 million together. */
const CHARACTERS: Readonly<Record<Kind, number>> = {
  redis: 3_000_000,
  mqtt: 3_000_000,
  parked: 1_000_000,
  silent: 700_000,
  pulse: 300_000,
}
/** A single one may take this part of it. */
const LONGEST = 0.6
/** Ids that are kept free for what was delivered before the start. */
const BEFORE = TOLD

/** The last rows of each kind, as references; they become text when somebody looks. */
export class History {
  #lists: Readonly<Record<Kind, Bounded<Note>>>
  readonly #totals: Record<Kind, number> = { redis: 0, mqtt: 0, parked: 0, silent: 0, pulse: 0 }
  #lastId = BEFORE

  constructor() {
    this.#lists = {
      redis: emptyList('redis'),
      mqtt: emptyList('mqtt'),
      parked: emptyList('parked'),
      silent: emptyList('silent'),
      pulse: emptyList('pulse'),
    }
  }

  /** Id of the newest row. */
  get lastId(): number {
    return this.#lastId
  }

  /** How many rows there were of each kind. */
  get totals(): Totals {
    return { ...this.#totals }
  }

  /** Characters that are kept in memory. */
  get characters(): number {
    return KINDS.reduce((sum, kind) => sum + this.#lists[kind].characters, 0)
  }

  /** Notes a row. @param at milliseconds since 1970 */
  add(at: number | null, source: Source): void {
    this.#lastId += 1
    this.#totals[source.kind] += 1
    const note = new Note(this.#lastId, at, source, LONGEST * CHARACTERS[source.kind])
    this.#lists[source.kind].push(note, note.characters)
  }

  /** Counts rows that are not worth to be noted, because so many newer ones follow at once. */
  count(kind: Kind, rows: number): void {
    this.#totals[kind] += rows
  }

  /** Puts rows of kind `redis` before all others, oldest first; to be called once. */
  begin(rows: ReadonlyArray<{ readonly at: number | null; readonly source: Source }>): void {
    const most = LONGEST * CHARACTERS.redis
    const older = rows.slice(-BEFORE).map(({ at, source }, index) => new Note(index + 1, at, source, most))
    const redis = emptyList('redis')
    for (const note of [...older, ...this.#lists.redis.all()]) redis.push(note, note.characters)
    this.#lists = { ...this.#lists, redis }
  }

  /**
   * What is younger than this id, in the order in which it happened.
   *
   * @param most rows of each kind, the newest
   */
  after(id: number, most = TOLD): ShownMessage[] {
    return KINDS.flatMap((kind) => this.#lists[kind].newestWhile((note) => note.id > id, most))
      .sort((one, other) => one.id - other.id)
      .map((note) => note.shown)
  }

  /** The row with this id; undefined when it is not kept any more. */
  find(id: number): Note | undefined {
    for (const kind of KINDS) {
      const note = this.#lists[kind].find((one) => one.id === id)
      if (note !== undefined) return note
    }
    return undefined
  }
}

function emptyList(kind: Kind): Bounded<Note> {
  return new Bounded(KEPT, CHARACTERS[kind])
}
