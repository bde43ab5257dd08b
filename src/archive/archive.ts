import pg from 'pg'
import { Backoff, pause } from '../backoff.ts'
import type { LiveSettings } from '../config/live.ts'
import { createPool } from '../db/pool.ts'
import { codeOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Delivery, Parked, Traffic } from '../traffic.ts'
import { Wake } from '../wake.ts'
import { deliveredMessage, type LoggedMessage, parkedMessage, silentMessage } from './record.ts'
import { insertMessages, trimMessages } from './store.ts'

/** What is noted is written so often, in milliseconds, or as soon as so many rows wait. */
const EVERY_MS = 500
const BATCH = 500
/** Rows of one insert, when many wait. */
const MOST_AT_ONCE = 2_000
/** What may wait in memory while PostgreSQL is away: rows, and characters of their payloads. The oldest go first. */
const MOST_WAITING = 10_000
const MOST_WAITING_CHARACTERS = 32_000_000
/** How often old rows are deleted, while the log is on and while it is off, in milliseconds. */
const TRIM_MS = 10_000
const TRIM_WHEN_OFF_MS = 600_000
/** Rows of one deletion, and the pause before the next. */
const TRIM_BATCH = 1_000
const TRIM_PAUSE_MS = 20
/** At the end what waits is written within this time or not at all, in milliseconds. */
const LAST_WORDS_MS = 700

/** What the archive works with. */
export interface ArchiveParts {
  readonly traffic: Traffic
  readonly live: LiveSettings
  readonly log: Log
  /** How often old rows are deleted while the log is on, in milliseconds. @defaultValue 10,000 */
  readonly trimMs?: number
}

/** Noted in the middle of the work; made a row later. */
interface Note {
  readonly characters: number
  readonly row: () => LoggedMessage
}

/**
 * Keeps the message log: notes what passes, and writes it to PostgreSQL in batches, on a connection of its own.
 *
 * It only looks: nothing waits for it. When PostgreSQL is away or too slow, the oldest of what waits is dropped, and
 * people are told when that begins, and how many there were when it is over. Delivery never depends on this.
 */
export class Archive {
  readonly #parts: ArchiveParts
  readonly #wake = new Wake()
  #waiting: Note[] = []
  #characters = 0
  #dropped = 0
  #isFailing = false

  constructor(parts: ArchiveParts) {
    this.#parts = parts
  }

  /** Runs until the signal aborts, and writes what waits then. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { traffic, live } = this.#parts
    const pool = createPool(live.current.database_url, () => undefined, 1) // the next insert tells
    const onDelivered = (delivery: Delivery): void => {
      const { entry } = delivery
      if (!isPulse(entry, live.current.topic_prefix)) {
        this.#note(entry.payload.length, (at) => deliveredMessage(delivery, at))
      }
    }
    const onParked = (parked: Parked): void => {
      this.#note(parked.entry?.payload.length ?? 0, (at) => parkedMessage(parked, at))
    }
    // Its rows may be long, so it becomes a row of the log at once.
    const onSilent = (change: Parameters<typeof silentMessage>[0], why: string | undefined): void => {
      if (!live.current.log_messages) return
      const row = silentMessage(change, new Date(), why)
      this.#note(0, () => row)
    }
    traffic.on('delivered', onDelivered).on('parked', onParked).on('silent', onSilent)
    try {
      await Promise.race([this.#work(pool, signal), laterThan(signal, LAST_WORDS_MS)])
    } finally {
      traffic.off('delivered', onDelivered).off('parked', onParked).off('silent', onSilent)
      void pool.end() // a dead one would keep us waiting
    }
  }

  async #work(pool: pg.Pool, signal: AbortSignal): Promise<void> {
    await Promise.all([this.#write(pool, signal), this.#trim(pool, signal)])
    while (this.#waiting.length > 0 && (await this.#writeBatch(pool)));
  }

  #note(characters: number, rowAt: (at: Date) => LoggedMessage): void {
    if (!this.#parts.live.current.log_messages) return
    const at = new Date()
    this.#waiting.push({ characters, row: () => rowAt(at) })
    this.#characters += characters
    this.#bound()
    if (this.#waiting.length >= BATCH) this.#wake.notify()
  }

  #bound(): void {
    while (this.#waiting.length > MOST_WAITING || this.#characters > MOST_WAITING_CHARACTERS) {
      const note = this.#waiting.shift()
      if (note === undefined) return
      this.#characters -= note.characters
      this.#drop(1)
    }
  }

  #drop(count: number): void {
    if (this.#dropped === 0) {
      this.#parts.log.warn(`more than ${MOST_WAITING} rows wait for the message log; the oldest are dropped`)
    }
    this.#dropped += count
  }

  async #write(pool: pg.Pool, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ capMs: 5_000 })
    while (!signal.aborted) {
      if (await this.#writeBatch(pool)) backoff.reset()
      else await pause(backoff.next(), signal)
      if (this.#waiting.length < BATCH) await this.#wake.wait(EVERY_MS, signal)
    }
  }

  /** Writes some of what waits; false when it could not. */
  async #writeBatch(pool: pg.Pool): Promise<boolean> {
    const { log } = this.#parts
    const notes = this.#waiting.splice(0, MOST_AT_ONCE)
    for (const { characters } of notes) this.#characters -= characters
    if (notes.length === 0) return true
    try {
      await this.#insert(
        pool,
        notes.map(({ row }) => row()),
      )
    } catch (error) {
      this.#waiting = [...notes, ...this.#waiting]
      for (const { characters } of notes) this.#characters += characters
      this.#bound()
      if (!this.#isFailing) log.warn({ err: error }, 'the message log cannot be written; what is new waits in memory')
      this.#isFailing = true
      return false
    }
    if (this.#isFailing) log.info('the message log can be written again')
    this.#isFailing = false
    if (this.#dropped > 0 && this.#waiting.length < BATCH) {
      log.warn({ dropped: this.#dropped }, `the message log lacks ${this.#dropped} rows, which were dropped`)
      this.#dropped = 0
    }
    return true
  }

  // One row that PostgreSQL cannot take (data exceptions, class 22) must not keep back the others for ever.
  async #insert(pool: pg.Pool, rows: readonly LoggedMessage[]): Promise<void> {
    try {
      await insertMessages(pool, rows)
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || !codeOf(error)?.startsWith('22')) throw error
      if (rows.length === 1) {
        this.#parts.log.error({ err: error, topic: rows[0]?.topic }, 'the message log cannot take a message')
        return
      }
      const half = Math.ceil(rows.length / 2)
      await this.#insert(pool, rows.slice(0, half))
      await this.#insert(pool, rows.slice(half))
    }
  }

  // While the log is off as well: what was kept is to be kept for so long, and not for ever.
  async #trim(pool: pg.Pool, signal: AbortSignal): Promise<void> {
    const { live, log, trimMs = TRIM_MS } = this.#parts
    let trimmedAt = performance.now()
    let isFailing = false
    while (!signal.aborted) {
      await pause(trimMs, signal)
      const { log_messages, log_keep_days, log_keep_rows } = live.current
      if (signal.aborted || (!log_messages && performance.now() - trimmedAt < TRIM_WHEN_OFF_MS)) continue
      trimmedAt = performance.now()
      try {
        const keep = { days: log_keep_days, rows: log_keep_rows }
        while (!signal.aborted && (await trimMessages(pool, keep, TRIM_BATCH))) await pause(TRIM_PAUSE_MS, signal)
        isFailing = false
      } catch (error) {
        if (!isFailing && log_messages) log.warn({ err: error }, 'the message log cannot be trimmed')
        isFailing = true
      }
    }
  }
}

function isPulse({ topic, origin }: Delivery['entry'], prefix: string): boolean {
  return origin === null && topic === `${prefix}/bridge/health`
}

/** Resolves `ms` milliseconds after the signal aborted. */
async function laterThan(signal: AbortSignal, ms: number): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  await new Promise((resolve) => setTimeout(resolve, ms).unref())
}
