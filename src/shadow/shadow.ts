import type { Pool } from 'pg'
import { Backoff, pause } from '../backoff.ts'
import { ChangeLog, type LoggedChange, parseChange } from '../capture/change-log.ts'
import { NameLookup } from '../capture/lookup.ts'
import type { Change } from '../change.ts'
import type { Settings } from '../config/settings.ts'
import { AppError, reasonOf } from '../errors.ts'
import { LATE, pluginFault } from './faults.ts'
import { readKnownRow } from './known-rows.ts'
import { type Difference, type Late, Match, MOST } from './match.ts'
import { SHADOW_NAMES, shadowed } from './ours.ts'
import { faultLine, lineOf, noCounts, type ShadowCounts, summaryOf } from './report.ts'
import { type Arrival, readArrival, type ToldMessage } from './told.ts'

/** The change log is read this often, in milliseconds. */
const LOOK_MS = 500
const BATCH = 1_000
/** And all of it, what no rule foresees included, this often. */
const LOOK_EVERYWHERE_MS = 60_000
/** Only one message of the plugin in so many is said to be wrongly signed: with a wrong key it would be every one. */
const SAY_SIGNATURE_MS = 60_000

/** What the comparison works with. */
export interface ShadowParts {
  readonly pool: Pool
  readonly nemoSchema: string
  readonly settings: Settings
  /** A message without its like after this time is a difference, in milliseconds. */
  readonly deadlineMs: number
  readonly print: (line: string) => void
  readonly note: (line: string) => void
}

/**
 * Compares what the plugin publishes with what its dialect would have said of the same changes. It publishes nothing,
 * and takes from the change log what it has compared, so that nothing piles up there.
 */
export class Shadow {
  readonly counts: ShadowCounts = noCounts()
  readonly #parts: ShadowParts
  readonly #match = new Match()
  readonly #began = new Date()
  readonly #lookup: NameLookup
  readonly #changeLog: ChangeLog
  /** Read and not yet deleted. */
  readonly #read = new Set<string>()
  /** Of these differences the row is still to be asked for. */
  readonly #unjudged: Extract<Difference, { kind: 'missing' | 'excess' }>[] = []
  #isHeard = false
  /** Since when both sides can be heard; what is older cannot be compared. */
  #heardSince = Number.POSITIVE_INFINITY
  #skipsLog = true
  #lookEverywhereAt = Number.NEGATIVE_INFINITY
  #lastRead = Number.NEGATIVE_INFINITY
  #saidSignatureAt = Number.NEGATIVE_INFINITY
  #hasSaidOurs = false

  constructor(parts: ShadowParts) {
    this.#parts = parts
    this.#changeLog = new ChangeLog(parts.pool)
    this.#lookup = new NameLookup(parts.pool, parts.nemoSchema, {
      nameFormat: () => SHADOW_NAMES,
      withCategories: () => true,
      onProblem: parts.note,
    })
  }

  /** The broker can be heard from now on, or no longer. */
  heard(isHeard: boolean): void {
    if (this.#isHeard && !isHeard) this.counts.notCompared += this.#match.drop()
    this.#isHeard = isHeard
    this.#heardSince = isHeard ? performance.now() : Number.POSITIVE_INFINITY
    // What was committed while nobody listened has no like.
    this.#skipsLog = true
  }

  /** A message arrived. */
  arrived(topic: string, text: string): void {
    const { settings, note } = this.#parts
    const arrival = readArrival(topic, text, settings.use_hmac ? settings.hmac_secret_key : undefined)
    if (arrival.kind === 'other') return
    if (arrival.kind === 'ours') {
      if (!this.#hasSaidOurs) note(`${topic} has a message of nemo-mqtt itself; those are not compared`)
      this.#hasSaidOurs = true
      return
    }
    this.#checkSignature(topic, arrival)
    if (this.#match.waiting.told >= MOST) {
      this.counts.notCompared += 1
      return
    }
    this.#tell(this.#match.tell(arrival.message, performance.now()))
  }

  /** Runs until the signal aborts. Trouble with PostgreSQL is waited out. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ capMs: 5_000 })
    let isSaid = false
    while (!signal.aborted) {
      try {
        await this.#step()
        backoff.reset()
        if (isSaid) this.#parts.note('PostgreSQL answers again')
        isSaid = false
      } catch (error) {
        if (!isSaid) this.#parts.note(`PostgreSQL: ${reasonOf(error)}; trying again`)
        isSaid = true
        await pause(backoff.next(), signal)
        continue
      }
      await pause(LOOK_MS, signal)
    }
  }

  /** The counts in one line. */
  summary(): string {
    const { expected, told } = this.#match.waiting
    return summaryOf({ ...this.counts, same: this.#match.same }, expected + told, this.#parts.settings.dialect)
  }

  async #step(): Promise<void> {
    const began = performance.now()
    const isSkipping = this.#skipsLog
    if (began >= this.#lookEverywhereAt) {
      this.#changeLog.lookEverywhere()
      this.#lookEverywhereAt = began + LOOK_EVERYWHERE_MS
    }
    if (this.#match.waiting.expected < MOST) {
      const isAll = await this.#readLog(isSkipping)
      if (isAll) {
        this.#lastRead = began
        if (isSkipping && this.#isHeard) this.#skipsLog = false
      }
    }
    await this.#judge()
    await this.#remove()
  }

  async #readLog(isSkipping: boolean): Promise<boolean> {
    const page = await this.#changeLog.read(BATCH, () => [...this.#read])
    const fresh = page.changes.filter(({ id }) => !this.#read.has(id))
    if (isSkipping) this.counts.notCompared += fresh.length
    await this.#expect(fresh, isSkipping)
    for (const { id } of fresh) this.#read.add(id)
    page.advance()
    return !page.isFull
  }

  async #expect(logged: readonly LoggedChange[], isSkipping: boolean): Promise<void> {
    const changes = logged.flatMap((one) => this.#orUnmapped(() => parseChange(one)))
    const lookupAt = await this.#lookup.forBatch(changes)
    for (const change of changes) this.#orUnmapped(() => this.#expectOne(change, lookupAt, isSkipping))
  }

  #expectOne(change: Change, lookupAt: Awaited<ReturnType<NameLookup['forBatch']>>, isSkipping: boolean): void {
    const { row, before, expected, count } = shadowed(change, lookupAt(change), this.#parts.settings)
    if (row !== undefined) this.#match.changed(row)
    for (const message of before) this.#match.note(message)
    if (isSkipping) {
      for (const message of expected) this.#match.skip(message, performance.now())
      return
    }
    this.counts.wouldSend += count
    for (const message of expected) this.#tell(this.#match.expect(message, change.id, performance.now()))
  }

  #orUnmapped<T>(work: () => T): T[] {
    try {
      return [work()]
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.counts.unmapped += 1
      this.#parts.note(`a change cannot be mapped: ${error.message}`)
      return []
    }
  }

  // A side that could not be heard is not accused; nor is what happened just when it could again.
  async #judge(): Promise<void> {
    const { deadlineMs } = this.#parts
    const now = performance.now()
    if (!this.#isHeard) return
    const toldBefore = Math.min(now, this.#lastRead) - deadlineMs
    for (const difference of this.#match.overdue(now - deadlineMs, toldBefore)) {
      if (difference.kind === 'late') this.#tellLate(difference)
      else if ('at' in difference && difference.at < this.#heardSince + deadlineMs / 2) this.counts.notCompared += 1
      else if (difference.kind === 'excess') this.#unjudged.push({ ...difference, kind: 'excess' })
      else this.#tell(difference)
    }
    for (let next = this.#unjudged[0]; next !== undefined; next = this.#unjudged[0]) {
      const fault = await this.#faultOf(next.message)
      this.#unjudged.shift()
      if (fault === undefined) this.#tell(next)
      else this.#explain(next.message, fault)
    }
  }

  async #faultOf(message: ToldMessage): Promise<string | undefined> {
    const { pool, nemoSchema } = this.#parts
    const found = await readKnownRow(pool, nemoSchema, message, this.#began)
    return pluginFault(message.fields, { ...found, ...this.#match.known(message) })
  }

  // Before anybody was accused of it, that it comes late is no news.
  #tellLate({ message, wasMissing }: Late): void {
    if (wasMissing) this.#explain(message, LATE)
    else this.counts.notCompared += 1
  }

  #explain(message: ToldMessage, fault: string): void {
    const { faults } = this.counts
    faults.set(fault, (faults.get(fault) ?? 0) + 1)
    this.#parts.print(`${new Date().toISOString()} ${faultLine(message, fault)}`)
  }

  #tell(difference: Difference | undefined): void {
    if (difference === undefined) return
    const name = ({ missing: 'missing', excess: 'excess', field: 'fields', text: 'texts' } as const)[difference.kind]
    this.counts[name] += 1
    this.#parts.print(`${new Date().toISOString()} ${lineOf(difference, this.#parts.deadlineMs)}`)
  }

  #checkSignature(topic: string, { badSignature }: Extract<Arrival, { kind: 'told' }>): void {
    if (badSignature === undefined) return
    this.counts.badSignatures += 1
    if (performance.now() - this.#saidSignatureAt < SAY_SIGNATURE_MS) return
    this.#saidSignatureAt = performance.now()
    this.#parts.print(`${new Date().toISOString()} signature  ${topic}: ${badSignature}`)
  }

  async #remove(): Promise<void> {
    const waiting = this.#match.changes()
    const done = [...this.#read].filter((id) => !waiting.has(id))
    if (done.length === 0) return
    await this.#changeLog.remove(done)
    for (const id of done) this.#read.delete(id)
  }
}
