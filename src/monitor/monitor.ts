import type { KnownChange } from '../archive/one-change.ts'
import { pause } from '../backoff.ts'
import type { Change } from '../change.ts'
import type { LiveSettings } from '../config/live.ts'
import { redact } from '../log.ts'
import { toInstant } from '../map/time.ts'
import { decodeEntry, type Entry } from '../queue/entry.ts'
import type { Delivery, Mapped, Parked, Traffic } from '../traffic.ts'
import { Checking } from './checking.ts'
import { Clock } from './clock.ts'
import { Feed, type Tell } from './feed.ts'
import { History, KEPT } from './history.ts'
import { shownLostChange } from './lost-change.ts'
import { Pipeline, type PipelineQuestions } from './pipeline.ts'
import { Samples } from './samples.ts'
import type { ShownCheck, ShownPipeline, ShownTrace, WholeMessage } from './shown.ts'
import { type Clean, shownTrace } from './shown-trace.ts'
import { Traces } from './traces.ts'
import { UnderWay } from './under-way.ts'

/** A pipeline that was told so recently is told again as it is, in milliseconds. */
const FRESH_MS = 900

/** What the monitor works with. */
export interface MonitorParts {
  readonly traffic: Traffic
  readonly live: LiveSettings
  readonly ask: PipelineQuestions
  /** Values that must not be shown. */
  readonly secrets: () => readonly string[]
  /** What the service was started with, for the checks. */
  readonly variables: NodeJS.ProcessEnv
  /** The last entries that were delivered, newest first, as Redis keeps them. */
  readonly delivered: () => Promise<readonly string[]>
  /** What PostgreSQL knows of a change; undefined when it does not answer. */
  readonly findChange: (id: string) => Promise<KnownChange | undefined>
  /** @defaultValue the checks of `nemo-mqtt-check` */
  readonly checking?: Checking
}

/**
 * What is kept in memory for people who look: the last messages, the last changes with their way, five minutes of
 * samples, all of it bounded. It takes note while others work, and makes text of it only when somebody looks.
 */
export class Monitor {
  readonly #parts: MonitorParts
  readonly #clock = new Clock()
  readonly #history = new History()
  readonly #feed = new Feed(this.#history)
  readonly #traces = new Traces()
  readonly #underWay = new UnderWay()
  readonly #samples: Samples
  readonly #pipeline: Pipeline
  readonly #checking: Checking
  readonly #startedAt = this.#clock.now()
  #latest: ShownPipeline | undefined

  constructor(parts: MonitorParts) {
    const { traffic, live, ask, variables, checking } = parts
    this.#parts = parts
    this.#samples = new Samples(traffic.counts)
    this.#pipeline = new Pipeline(ask, live, this.#samples, this.#underWay)
    this.#checking = checking ?? new Checking(variables)
  }

  /** How many look. */
  get readers(): number {
    return this.#feed.readers
  }

  /** Characters of messages and changes that are kept. */
  get characters(): number {
    return this.#history.characters + this.#traces.characters
  }

  /** Takes note of what passes, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { traffic } = this.#parts
    const hear = {
      mapped: (mapped: Mapped, readAt: number) => this.#mapped(mapped, readAt),
      pushed: (changes: readonly Mapped[]) => this.#pushed(changes),
      taken: (entry: Entry) => this.#taken(entry),
      sent: (entry: Entry) => this.#underWay.sent(entry, this.#clock.now()),
      delivered: (delivery: Delivery) => this.#delivered(delivery),
      parked: (parked: Parked) => this.#parked(parked),
      silent: (change: Change, why: string | undefined) => this.#silent(change, why),
    }
    traffic.on('mapped', hear.mapped).on('pushed', hear.pushed).on('taken', hear.taken).on('sent', hear.sent)
    traffic.on('delivered', hear.delivered).on('parked', hear.parked).on('silent', hear.silent)
    try {
      await Promise.all([this.#begin(signal), this.#everySecond(signal)])
    } finally {
      traffic.off('mapped', hear.mapped).off('pushed', hear.pushed).off('taken', hear.taken).off('sent', hear.sent)
      traffic.off('delivered', hear.delivered).off('parked', hear.parked).off('silent', hear.silent)
    }
  }

  /** Adds a reader: tells what is kept, then what passes, and how the pipeline is. Gives what ends it. */
  watch(tell: Tell): () => void {
    const end = this.#feed.add(tell)
    tell('samples', this.#samples.newest())
    const { latest } = this.#checking
    if (latest !== undefined) tell('check', latest)
    if (this.#latest !== undefined && this.#clock.now() - this.#latest.at < FRESH_MS) tell('pipeline', this.#latest)
    else void this.#tellPipeline()
    return end
  }

  /** What a new reader is told, for one that asks once. */
  async recent(): Promise<object> {
    await this.#pipeline.refresh()
    const { latest } = this.#checking
    const pipeline = this.#pipeline.shown(this.#clock.now(), latest)
    return { history: this.#feed.recent(), samples: this.#samples.newest(), pipeline, check: latest ?? null }
  }

  /** The whole of a message; undefined when it is not kept any more. */
  whole(run: string, id: number): WholeMessage | undefined {
    return run === this.#feed.run ? this.#history.find(id)?.whole : undefined
  }

  /** What became of a change, as far as anybody knows. */
  async trace(id: string): Promise<ShownTrace> {
    const clean: Clean = (text) => redact(text, this.#parts.secrets())
    const trace = this.#traces.find(id)
    if (trace !== undefined) return shownTrace(trace, clean)
    const known = await this.#parts.findChange(id)
    return shownLostChange(id, known, { isLogOn: this.#parts.live.current.log_messages, clean })
  }

  /** Runs the checks now, or gives the seconds to wait. */
  async check(): Promise<ShownCheck | number> {
    const check = await this.#checking.asked()
    if (typeof check !== 'number') this.#feed.tell('check', check)
    return check
  }

  // What was delivered before the start, once Redis answers.
  async #begin(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const texts = await this.#parts.delivered()
        const before = [...texts].reverse().flatMap((text) => this.#before(text))
        this.#history.begin(before)
        if (before.length > 0) this.#feed.resend()
        return
      } catch {
        await pause(5_000, signal) // stage redis says why
      }
    }
  }

  #before(text: string): Array<{ at: number | null; source: { kind: 'redis'; text: string; from: 'before' } }> {
    const entry = readable(text)
    if (entry === undefined || this.#isFromNow(entry)) return []
    const at = entry.queuedAt === null ? null : entry.queuedAt * 1_000
    return [{ at, source: { kind: 'redis', text, from: 'before' } }]
  }

  async #everySecond(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(1_005 - (Date.now() % 1_000), signal) // a timer may be early by a millisecond
      this.#clock.follow()
      this.#samples.tick(Math.floor(this.#clock.now() / 1_000))
      if (this.#parts.ask.inFlight() === undefined) this.#underWay.clear()
      // Nothing here may hold up the next second.
      if (this.#feed.readers > 0) void this.#tellPipeline()
    }
  }

  async #tellPipeline(): Promise<void> {
    void this.#pipeline.refresh() // who is slow to answer is told of in the next second
    await Promise.race([this.#pipeline.refresh(), new Promise((resolve) => setTimeout(resolve, 300).unref())])
    if (this.#feed.readers === 0) return
    const shown = this.#pipeline.shown(this.#clock.now(), this.#checking.latest)
    this.#latest = shown
    this.#feed.tell('pipeline', shown)
    const isTrouble =
      shown.boxes.some(({ state }) => state === 'failing') || (!shown.isReady && shown.role === 'active')
    if (!isTrouble) return
    const check = await this.#checking.becauseOfTrouble()
    if (check !== undefined) this.#feed.tell('check', check)
  }

  #mapped(mapped: Mapped, readAt: number): void {
    this.#samples.read()
    this.#traces.mapped(mapped, this.#clock.at(readAt))
  }

  #pushed(changes: readonly Mapped[]): void {
    const at = this.#clock.now()
    const texts = changes.flatMap(({ entries }) => entries)
    for (const { change } of changes) this.#traces.pushed(change.id, at)
    this.#history.count('redis', Math.max(0, texts.length - KEPT))
    for (const text of texts.slice(-KEPT)) this.#history.add(at, { kind: 'redis', text, from: 'service' })
    this.#feed.noted()
  }

  #taken(entry: Entry): void {
    const at = this.#clock.now()
    this.#samples.taken()
    const way = this.#underWay.taken(entry, at, this.#parts.traffic.counts.claims)
    this.#traces.taken(entry, way)
    if (this.#isPulse(entry) || (entry.origin !== null && this.#isFromNow(entry))) return
    const { topic, payload, retain, queuedAt } = entry
    const text = JSON.stringify({ topic, payload, retain, timestamp: queuedAt, ...entry.origin })
    const from = entry.origin === null ? 'program' : 'before'
    this.#history.add(queuedAt === null ? at : queuedAt * 1_000, { kind: 'redis', text, from })
    this.#feed.noted()
  }

  #delivered({ entry, hasSubscribers, attempts, wire }: Delivery): void {
    const { current } = this.#parts.live
    const at = this.#clock.now()
    this.#underWay.end(entry)
    this.#traces.delivered(entry, at, !hasSubscribers, attempts)
    const isPulse = this.#isPulse(entry)
    if (entry.origin !== null) this.#countLatency(entry.payload, at)
    const { topic, retain, origin } = entry
    this.#history.add(at, {
      kind: isPulse ? 'pulse' : 'mqtt',
      entry: { topic, retain, origin },
      wire: wire ?? entry.payload,
      secret: current.use_hmac ? current.hmac_secret_key : '',
      attempts,
      reasonCode: current.mqtt_version === '5' ? (hasSubscribers ? 0x00 : 0x10) : null,
    })
    this.#feed.noted()
  }

  // The only key of that name: quotes inside of values are escaped.
  #countLatency(payload: string, at: number): void {
    const key = '"timestamp":"'
    const start = payload.indexOf(key)
    if (start < 0) return
    const from = start + key.length
    const instant = toInstant(payload.slice(from, payload.indexOf('"', from)))
    if (instant !== null) this.#samples.latency(at - instant.seconds * 1_000 - instant.micros / 1_000)
  }

  #parked({ entry, reason }: Parked): void {
    const at = this.#clock.now()
    if (entry !== undefined) {
      this.#underWay.end(entry)
      this.#traces.parked(entry, at, reason)
    }
    this.#history.add(at, { kind: 'parked', entry, reason })
    this.#feed.noted()
  }

  #silent(change: Change, why: string | undefined): void {
    const at = this.#clock.now()
    this.#samples.read()
    this.#traces.silent(change, why, at)
    this.#history.add(at, { kind: 'silent', change, why })
    this.#feed.noted()
  }

  #isFromNow({ queuedAt }: Entry): boolean {
    return queuedAt !== null && queuedAt * 1_000 >= this.#startedAt - 5
  }

  #isPulse({ topic, origin }: Entry): boolean {
    return origin === null && topic === `${this.#parts.live.current.topic_prefix}/bridge/health`
  }
}

function readable(text: string): Entry | undefined {
  try {
    return decodeEntry(text)
  } catch {
    return undefined // the list is open to other programs
  }
}
