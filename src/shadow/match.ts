import { Remembered } from '../map/remembered.ts'
import { fieldsThatDiffer, type KnownRow, type PluginFields } from './faults.ts'
import { keyOf, rowOf, type ToldMessage, withoutTimes } from './told.ts'

/** Messages of one side that may wait for the other, and rows that are remembered. */
export const MOST = 20_000

/** States of a row that are remembered. */
const STATES = 8

/** What is no longer waited for and may still be told late: so many of one key are remembered. */
const PAST = 64

/** After this time, in milliseconds, what can be told again without a change is no longer taken for late. */
const LATE_MS = 600_000

/** Of these the plugin tells one for each row. */
const TOLD_ONCE: ReadonlySet<string> = new Set(['tool_created', 'reservation_created', 'area_created', 'area_access'])

/** A message that waits for its like from the other side. */
export interface Waiting {
  readonly message: ToldMessage
  /** Milliseconds of a clock that is never set back. */
  readonly at: number
  /** The change that it tells; undefined for what the plugin told. */
  readonly change?: string
}

/** What the plugin was to tell and is no longer waited for. */
interface Past {
  readonly message: ToldMessage
  readonly wasMissing: boolean
  readonly at: number
}

/** Told after all, when it was missing already (`wasMissing`), or not compared because one side was not heard. */
export interface Late {
  readonly kind: 'late'
  readonly message: ToldMessage
  readonly wasMissing: boolean
}

/** Something that one side told otherwise than the other. */
export type Difference =
  | { readonly kind: 'missing' | 'excess'; readonly message: ToldMessage; readonly at: number }
  | {
      readonly kind: 'field'
      readonly message: ToldMessage
      readonly ours: ToldMessage
      readonly names: readonly string[]
    }
  | { readonly kind: 'text'; readonly message: ToldMessage; readonly ours: ToldMessage }

/**
 * Pairs what we would have told with what the plugin told. Either may come first: the plugin tells before a write is
 * committed, or long after it. What finds no like until its deadline is a difference.
 */
export class Match {
  readonly #expected = new Map<string, Waiting[]>()
  readonly #told = new Map<string, Waiting[]>()
  readonly #said = new Remembered<readonly PluginFields[]>(MOST)
  readonly #begun = new Remembered<true>(MOST)
  readonly #over = new Remembered<true>(MOST)
  readonly #past = new Remembered<readonly Past[]>(MOST)
  readonly #rows = new Remembered<true>(MOST)
  #sizes = { expected: 0, told: 0 }
  #same = 0

  /** How many wait, of either side. */
  get waiting(): { readonly expected: number; readonly told: number } {
    return this.#sizes
  }

  /** How many pairs were found since the start. */
  get same(): number {
    return this.#same
  }

  /** A row was changed, `usages/7`: it exists, or did. */
  changed(row: string): void {
    this.#rows.see(row, true)
  }

  /** What a row is, or was before a change, as a message tells it. */
  note({ topic, fields }: ToldMessage): void {
    const { usage_id: usage, event } = fields
    if (usage !== undefined) {
      const told = event === 'tool_disabled' ? this.#over : this.#begun
      told.see(`usages/${String(usage)}`, true)
      return
    }
    const row = topic.split('/').slice(0, 2).join('/')
    this.#said.see(row, [...(this.#said.get(row) ?? []), fields].slice(-STATES))
  }

  /** What we would have told; returns what differs from what the plugin told of it already, if it did. */
  expect(message: ToldMessage, change: string, at: number): Difference | undefined {
    this.note(message)
    return this.#pair({ message, at, change }, this.#expected, this.#told)
  }

  /** What is not compared, because one side could not be heard: the plugin may tell it, now or late. */
  skip(message: ToldMessage, at: number): void {
    this.note(message)
    this.#pass({ message, at, wasMissing: false })
  }

  /** What the plugin told. */
  tell(message: ToldMessage, at: number): Difference | undefined {
    return this.#pair({ message, at }, this.#told, this.#expected)
  }

  /** Takes out what was told before a moment and has found no like; with the same key in other words it is a pair. */
  overdue(expectedBefore: number, toldBefore: number): (Difference | Late)[] {
    const found: (Difference | Late)[] = []
    for (const { message, at } of this.#take(this.#told, toldBefore)) {
      const late = this.#takePast(message, at)
      if (late !== undefined) {
        found.push({ kind: 'late', message, wasMissing: late.wasMissing })
        continue
      }
      const [like] = this.#expected.get(keyOf(message)) ?? []
      if (like === undefined) {
        found.push({ kind: 'excess', message, at })
        continue
      }
      this.#remove(this.#expected, like)
      const names = fieldsThatDiffer(message.fields, like.message.fields)
      found.push({ kind: 'field', message, ours: like.message, names })
    }
    for (const { message, at } of this.#take(this.#expected, expectedBefore)) {
      this.#pass({ message, at, wasMissing: true })
      found.push({ kind: 'missing', message, at })
    }
    return found
  }

  /** The changes whose messages are still waiting. */
  changes(): Set<string> {
    return new Set([...this.#expected.values()].flat().flatMap(({ change }) => change ?? []))
  }

  /** What is remembered of the row of a message; undefined parts are to be looked up. */
  known(message: ToldMessage): Partial<KnownRow> {
    const row = rowOf(message)
    const said = this.#said.get(row)
    return {
      ...(this.#rows.get(row) === undefined ? {} : { exists: true }),
      ...(this.#begun.get(row) === undefined ? {} : { hasBegun: true }),
      ...(this.#over.get(row) === undefined ? {} : { isOver: true }),
      ...(said === undefined ? {} : { said }),
    }
  }

  /** Waits for nothing any longer, because one side was not heard for a while. Returns how many waited. */
  drop(): number {
    const dropped = this.#sizes.expected + this.#sizes.told
    for (const { message, at } of [...this.#expected.values()].flat()) this.#pass({ message, at, wasMissing: false })
    this.#expected.clear()
    this.#told.clear()
    this.#sizes = { expected: 0, told: 0 }
    return dropped
  }

  #pair(one: Waiting, own: Map<string, Waiting[]>, others: Map<string, Waiting[]>): Difference | undefined {
    const { message } = one
    const like = (others.get(keyOf(message)) ?? []).find(
      (other) => fieldsThatDiffer(message.fields, other.message.fields).length === 0,
    )
    if (like === undefined) {
      own.set(keyOf(message), [...(own.get(keyOf(message)) ?? []), one])
      this.#sizes[own === this.#expected ? 'expected' : 'told'] += 1
      return undefined
    }
    this.#remove(others, like)
    this.#same += 1
    if (withoutTimes(message.text) === withoutTimes(like.message.text)) return undefined
    const [told, ours] = own === this.#told ? [message, like.message] : [like.message, message]
    return { kind: 'text', message: told, ours }
  }

  #pass(one: Past): void {
    const key = keyOf(one.message)
    this.#past.see(key, [...(this.#past.get(key) ?? []), one].slice(-PAST))
  }

  #takePast(message: ToldMessage, at: number): Past | undefined {
    const key = keyOf(message)
    const past = this.#past.get(key) ?? []
    const since = TOLD_ONCE.has(message.fields.event) ? Number.NEGATIVE_INFINITY : at - LATE_MS
    const like = past.find(
      (one) => one.at >= since && fieldsThatDiffer(message.fields, one.message.fields).length === 0,
    )
    if (like !== undefined)
      this.#past.see(
        key,
        past.filter((one) => one !== like),
      )
    return like
  }

  #take(side: Map<string, Waiting[]>, before: number): Waiting[] {
    const late = [...side.values()].flat().filter(({ at }) => at < before)
    for (const one of late) this.#remove(side, one)
    return late
  }

  #remove(side: Map<string, Waiting[]>, one: Waiting): void {
    const key = keyOf(one.message)
    const left = (side.get(key) ?? []).filter((other) => other !== one)
    if (left.length === 0) side.delete(key)
    else side.set(key, left)
    this.#sizes[side === this.#expected ? 'expected' : 'told'] -= 1
  }
}
