import { Backoff, pause } from '../backoff.ts'
import type { Change } from '../change.ts'
import { allEventsOf } from '../choose/all-events.ts'
import { type Choice, choiceOf, type LeftOut, whyLeftOut } from '../choose/choice.ts'
import { wordedMessages } from '../choose/worded.ts'
import type { LiveSettings } from '../config/live.ts'
import { databaseTlsTrouble } from '../db/tls-trouble.ts'
import { pythonJson } from '../dialect/python-json.ts'
import { AppError, reasonOf } from '../errors.ts'
import { MOMENTARY } from '../event.ts'
import type { Health } from '../health.ts'
import type { Liveness } from '../liveness.ts'
import type { Log } from '../log.ts'
import type { Lookup } from '../map/index.ts'
import type { Pulse } from '../pulse.ts'
import { encodeEntry } from '../queue/entry.ts'
import type { EventQueue } from '../queue/event-queue.ts'
import type { Traffic } from '../traffic.ts'
import type { Wake } from '../wake.ts'
import { type ChangeLog, type LoggedChange, parseChange } from './change-log.ts'
import type { NameLookup } from './lookup.ts'
import type { PendingChanges } from './pending.ts'

/** The log is looked at this often even when nothing notifies us, in milliseconds. */
const SWEEP_MS = 1_000
/** And all of it, late ones and what no rule foresees included, this often. */
const LOOK_EVERYWHERE_MS = 60_000
/** Changes in one read; also what one push to Redis holds at most. */
const BATCH = 1_000
/** Changes that may be pending at once: what memory and a repeat after a crash are bounded by. */
const MAX_PENDING = 20_000
/** Pause before a full Redis is tried again, in milliseconds. */
const FULL_MS = 500

/** What the listener works with. */
export interface ListenerParts {
  readonly changeLog: ChangeLog
  readonly lookup: NameLookup
  readonly queue: EventQueue
  readonly pending: PendingChanges
  readonly wake: Wake
  /** Notified when entries were pushed. */
  readonly pushed: Wake
  readonly health: Health
  readonly log: Log
  readonly installation: string
  readonly live: LiveSettings
  readonly pulse: Pulse
  readonly traffic: Traffic
  readonly liveness: Liveness
}

/** What a change became. */
interface Encoded {
  readonly entries: readonly string[]
  readonly leftOut: readonly LeftOut[]
  readonly wordless: readonly LeftOut[]
}

/**
 * The loop from PostgreSQL to Redis: on each wake it reads the change log until nothing new is there, maps a batch
 * and pushes it in one round trip. No transaction is open meanwhile, and nothing is marked in the log: what is pushed
 * is pending in memory until its messages were delivered, then it is deleted by {@link Listener.retire}.
 *
 * It pauses while the queue is at its bound or too much is pending: PostgreSQL is the durable store.
 * Trouble with PostgreSQL is retried here; trouble with Redis ends the loop, because the claim on the queue is lost.
 */
export class Listener {
  readonly #parts: ListenerParts
  #queueLength = 0
  #lookEverywhereAt = Number.NEGATIVE_INFINITY

  constructor(parts: ListenerParts) {
    this.#parts = parts
  }

  /**
   * Runs until the signal aborts.
   *
   * @throws AppError NEMO_MQTT_ERR_REDIS when the queue is lost
   */
  async run(signal: AbortSignal): Promise<void> {
    const { wake, health, live, liveness } = this.#parts
    const backoff = new Backoff({ capMs: 5_000 })
    while (!signal.aborted) {
      liveness.turn('listener')
      try {
        await this.#drain(signal)
        backoff.reset()
        health.ok('database', 'the change log can be read')
      } catch (error) {
        if (isQueueTrouble(error)) throw error
        const tls = await databaseTlsTrouble(live.current.database_url, error)
        const todo = tls?.todo ?? 'check that PostgreSQL runs and NEMO_MQTT_DATABASE_URL is right'
        health.failing('database', tls?.why ?? error, todo)
        await pause(backoff.next(), signal)
        continue
      }
      await wake.wait(SWEEP_MS, signal)
    }
    liveness.ended('listener')
  }

  /**
   * Deletes settled changes in PostgreSQL, in batches, until the signal aborts. Not one later: when the claim on the
   * queue is lost, another instance may be sending them again, and it must be able to send them to the end.
   */
  async retire(signal: AbortSignal): Promise<void> {
    const { pending, health } = this.#parts
    const backoff = new Backoff({ capMs: 5_000 })
    while (!signal.aborted) {
      try {
        if (!(await this.#retireBatch())) await pending.settled.wait(60_000, signal)
        backoff.reset()
      } catch (error) {
        health.failing('database', error)
        await pause(backoff.next(), signal)
      }
    }
  }

  /**
   * Deletes what is settled by now, while the claim still holds. What cannot be deleted is delivered again by the next
   * start, under the same event_id.
   */
  async retireRest(): Promise<void> {
    try {
      while (await this.#retireBatch());
    } catch (error) {
      this.#parts.health.failing('database', error)
    }
  }

  async #retireBatch(): Promise<boolean> {
    const { pending, changeLog, wake } = this.#parts
    const ids = pending.takeSettled(5_000)
    if (ids.length === 0) return false
    try {
      await changeLog.remove(ids)
    } catch (error) {
      pending.retry(ids)
      throw error
    }
    pending.forget(ids)
    wake.notify() // there may be room again
    return true
  }

  async #drain(signal: AbortSignal): Promise<void> {
    const { changeLog, pending } = this.#parts
    if (performance.now() >= this.#lookEverywhereAt) {
      changeLog.lookEverywhere()
      this.#lookEverywhereAt = performance.now() + LOOK_EVERYWHERE_MS
    }
    while (!signal.aborted && (await this.#hasRoom())) {
      pending.readBegins()
      const page = await changeLog.read(BATCH, () => pending.ids())
      await this.#forward(
        page.changes.filter((change) => !pending.has(change.id)),
        signal,
      )
      page.advance()
      await this.#beat(signal)
      if (!page.isFull) return
    }
  }

  // Only after the log was read, so that it tells of PostgreSQL too.
  async #beat(signal: AbortSignal): Promise<void> {
    const { pulse, live, health, liveness } = this.#parts
    liveness.turn('listener')
    const entry = pulse.due(live.current.topic_prefix, () => health.report())
    if (entry !== undefined) await this.#push([encodeEntry({ ...entry, queuedAt: Date.now() / 1_000 })], signal)
  }

  async #hasRoom(): Promise<boolean> {
    const { pending, queue, live, health } = this.#parts
    const { queue_limit: queueLimit } = live.current
    if (this.#queueLength >= queueLimit) this.#queueLength = await queue.length()
    const why =
      live.paused !== undefined
        ? `${live.paused}; changes wait in PostgreSQL`
        : this.#queueLength >= queueLimit
          ? `the queue holds ${queueLimit} entries, its bound; further changes wait in PostgreSQL`
          : pending.size >= MAX_PENDING
            ? `${MAX_PENDING} changes wait for their delivery; further ones wait in PostgreSQL`
            : undefined
    if (why === undefined) health.ok('listener', 'changes are read')
    else health.waiting('listener', why)
    return why === undefined
  }

  async #forward(logged: readonly LoggedChange[], signal: AbortSignal): Promise<void> {
    if (logged.length === 0) return
    const { lookup, pending, traffic, live } = this.#parts
    const readAt = performance.now()
    const changes = await this.#parse(logged)
    traffic.read(changes)
    const choice = choiceOf(live.current) // one for the whole batch, the one that its names are looked up for
    const lookupAt = await lookup.forBatch(changes)
    const mapped: Array<{ readonly change: Change } & Encoded> = []
    for (const change of changes) {
      try {
        mapped.push({ change, ...this.#encode(change, lookupAt(change), choice) })
      } catch (error) {
        await this.#setAside(change, error)
      }
    }
    // Nothing may fail between here and the push, or a change would be pending and never sent. And before the push:
    // the messages may be delivered before Redis has answered us.
    for (const { change, entries, leftOut, wordless } of mapped) {
      pending.add(change.id, entries.length)
      traffic.counts.filtered += leftOut.length
      if (entries.length === 0) traffic.silent(change, whyLeftOut([...leftOut, ...wordless]))
      else traffic.mapped({ change, entries }, readAt)
    }
    const entries = mapped.flatMap((one) => one.entries)
    if (entries.length === 0) return
    await this.#push(entries, signal)
    if (!signal.aborted) traffic.pushed(mapped)
  }

  // A full Redis is no lost Redis: the bridge goes on emptying it, and then there is room again.
  async #push(entries: readonly string[], signal: AbortSignal): Promise<void> {
    const { queue, pushed, health, liveness } = this.#parts
    for (let isFull = false; !signal.aborted; isFull = true) {
      liveness.turn('listener')
      const length = await queue.push(entries)
      if (length !== undefined) {
        if (isFull) health.ok('redis', 'Redis takes entries again')
        this.#queueLength = length
        pushed.notify()
        return
      }
      health.failing(
        'redis',
        'Redis is at its maxmemory; further changes wait in PostgreSQL',
        'raise maxmemory, or free memory',
      )
      await pause(FULL_MS, signal)
    }
  }

  async #parse(logged: readonly LoggedChange[]): Promise<Change[]> {
    const changes: Change[] = []
    for (const one of logged) {
      try {
        changes.push(parseChange(one))
      } catch (error) {
        await this.#setAside(one, error)
      }
    }
    return changes
  }

  #encode(change: Change, lookup: Lookup, choice: Choice): Encoded {
    const { installation, live } = this.#parts
    const { retain_messages } = live.current
    const events = allEventsOf(change, lookup, choice)
    const { sent, leftOut } = choice.choose(events, (toolId) => lookup.category(toolId))
    const { messages, wordless } = wordedMessages(choice, sent, (index) => `${installation}-${change.id}-${index}`)
    const queuedAt = Date.now() / 1000
    const write = choice.dialect === 'plugin' ? pythonJson : JSON.stringify
    for (const { about } of messages) this.#parts.traffic.queued(about.event)
    const entries = messages.map(({ index, ...message }) => {
      const origin = { installation, change: change.id, index, count: messages.length }
      const retain = retain_messages && !MOMENTARY.has(message.about.event)
      return encodeEntry({ ...message, retain, origin, queuedAt }, write)
    })
    return { entries, leftOut, wordless }
  }

  // It must never block the others, and never vanish: `nemo-mqtt status` shows it.
  async #setAside(change: { readonly id: string; readonly table: string }, error: unknown): Promise<void> {
    this.#parts.log.error(
      { change: change.id, table: change.table, err: error },
      'a change cannot be mapped; it is set aside',
    )
    await this.#parts.changeLog.setAside(change.id, reasonOf(error))
    this.#parts.traffic.counts.unmapped += 1
  }
}

function isQueueTrouble(error: unknown): boolean {
  return error instanceof AppError && error.code === 'NEMO_MQTT_ERR_REDIS'
}
