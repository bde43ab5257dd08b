import type { Pool } from 'pg'
import { Backoff, pause } from '../backoff.ts'
import type { Change } from '../change.ts'
import { reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { NameFormat } from '../map/person.ts'
import type { Traffic } from '../traffic.ts'
import { Wake } from '../wake.ts'
import { Concerned } from './concerned.ts'
import { type LaboratoryState, laboratoryState, type StateChange, stateChange } from './laboratory-state.ts'
import { nextMoment } from './next-moment.ts'
import { StateReader } from './state-reader.ts'

/** A look so often, whether anything was heard of or not, in milliseconds: by primary key, it costs few milliseconds. */
const LOOK_MS = 2_000
/** And one everywhere, in milliseconds. */
const EVERYWHERE_MS = 30_000
/** Changes that come within this time are seen by one look, in milliseconds. */
const TOGETHER_MS = 40
/** The part of the time that looks may take at most: after one that took long, the next one waits. */
const SHARE = 1 / 4
/** The same for looks everywhere, which PostgreSQL feels. */
const SHARE_EVERYWHERE = 1 / 100
/** After the last one who wanted the state, it is kept for so long, in milliseconds: a page is loaded again, say. */
const LINGER_MS = 10_000
const ASLEEP_MS = 60_000

/** What those who want the state are told. */
export type StateMessage =
  /** All of it: first, and after trouble. */
  | { readonly is: 'states'; readonly state: LaboratoryState }
  | { readonly is: 'changed'; readonly change: StateChange }
  /** What was told before is no longer certain. */
  | { readonly is: 'trouble'; readonly why: string }

/** Told of the state; it must not throw. */
export type StateListener = (message: StateMessage) => void

/** What the watch works with. */
export interface StateWatchParts {
  /** Of its own, with one connection: what hangs here must not hold up messages. */
  readonly pool: Pool
  /** Asked before each look. @throws the driver's error when the database cannot be reached */
  readonly nameFormat: () => Promise<NameFormat>
  readonly traffic: Traffic
  readonly log: Log
}

/**
 * Knows how every tool and area is, as long as somebody wants to know, and tells what changes.
 *
 * It looks into NEMO's tables when a change was captured, when the next delayed log-off, reservation or outage begins
 * or ends, and at intervals, because a standby captures nothing and not every table is watched. One look at a time, all
 * of them together a part of the time, and none while nobody wants the state.
 */
export class StateWatch {
  readonly #parts: StateWatchParts
  readonly #reader: StateReader
  readonly #concerned = new Concerned()
  readonly #wake = new Wake()
  readonly #listeners = new Set<StateListener>()
  #wantedUntil = 0
  #everywhereAt = 0
  #state: LaboratoryState | undefined
  #trouble: string | undefined

  constructor(parts: StateWatchParts) {
    this.#parts = parts
    this.#reader = new StateReader(parts.pool)
  }

  /**
   * Wants the state. The listener is told all of it as soon as it is known, then what changes, until the function that
   * this returns is called.
   */
  subscribe(listener: StateListener): () => void {
    const own: StateListener = (message) => listener(message)
    this.#listeners.add(own)
    if (this.#trouble !== undefined) own({ is: 'trouble', why: this.#trouble })
    else if (this.#state !== undefined) own({ is: 'states', state: this.#state })
    this.#wake.notify()
    return () => {
      if (this.#listeners.delete(own)) this.#wantedUntil = performance.now() + LINGER_MS
    }
  }

  /** The state as it was last seen; undefined while nobody wants it, and in trouble. */
  get state(): LaboratoryState | undefined {
    return this.#trouble === undefined ? this.#state : undefined
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { traffic } = this.#parts
    const note = (changes: readonly Change[]): void => {
      if (!this.#isWanted) return
      this.#concerned.add(changes)
      this.#wake.notify()
    }
    traffic.on('read', note)
    const backoff = new Backoff({ firstMs: 500, capMs: 15_000 })
    while (!signal.aborted) {
      if (!this.#isWanted) {
        this.#forget()
        await this.#wake.wait(ASLEEP_MS, signal)
        continue
      }
      try {
        const began = performance.now()
        const untilMs = await this.#look()
        const notBefore = began + (performance.now() - began) / SHARE
        backoff.reset()
        await this.#wake.wait(Math.min(LOOK_MS, untilMs), signal)
        await pause(Math.max(TOGETHER_MS, notBefore - performance.now()), signal)
      } catch (error) {
        this.#failed(error)
        await pause(backoff.next(), signal)
      }
    }
    traffic.off('read', note)
  }

  get #isWanted(): boolean {
    return this.#listeners.size > 0 || performance.now() < this.#wantedUntil
  }

  #forget(): void {
    this.#state = undefined
    this.#trouble = undefined
    this.#concerned.all()
  }

  /** @returns milliseconds until something changes by the clock alone */
  async #look(): Promise<number> {
    const began = performance.now()
    if (began >= this.#everywhereAt) this.#concerned.all()
    const { look, tools } = this.#concerned.take()
    const format = await this.#parts.nameFormat()
    const read = await this.#reader.read(look, tools)
    const ended = performance.now()
    if (look === 'everywhere') this.#everywhereAt = ended + Math.max(EVERYWHERE_MS, (ended - began) / SHARE_EVERYWHERE)
    this.#know(laboratoryState(read, format))
    return nextMoment(read.rows) ?? Number.POSITIVE_INFINITY
  }

  #know(state: LaboratoryState): void {
    const before = this.#state
    const change = before === undefined || this.#trouble !== undefined ? undefined : stateChange(before, state)
    const isAll = before === undefined || this.#trouble !== undefined
    if (this.#trouble !== undefined) this.#parts.log.info('the state of the tools can be read again')
    this.#state = state
    this.#trouble = undefined
    if (isAll) this.#tell({ is: 'states', state })
    else if (change !== undefined) this.#tell({ is: 'changed', change })
  }

  #failed(error: unknown): void {
    this.#concerned.all() // what was to be looked at is not known any more
    const why = reasonOf(error)
    if (why === this.#trouble) return
    if (this.#trouble === undefined) this.#parts.log.warn({ err: error }, 'the state of the tools cannot be read')
    this.#trouble = why
    this.#tell({ is: 'trouble', why })
  }

  #tell(message: StateMessage): void {
    for (const listener of this.#listeners) listener(message)
  }
}
