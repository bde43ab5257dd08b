import { codeOf, reasonOf } from './errors.ts'
import type { Log } from './log.ts'

/** The parts of the service that can be in trouble, in the order of the pipeline. */
export const STAGES = [
  'lease',
  'database',
  'schema',
  'configuration',
  'notifications',
  'listener',
  'redis',
  'bridge',
  'broker',
] as const

/** A part of the service. */
export type Stage = (typeof STAGES)[number]

/** `ok` works, `waiting` will work by itself, `failing` needs a look. */
export type StageState = 'starting' | 'ok' | 'waiting' | 'failing'

/** What is known of one stage. */
export interface StageReport {
  readonly state: StageState
  /** Why; empty when ok. */
  readonly why: string
  /** When this state began. */
  readonly since: Date
}

/**
 * How each stage is. A stage says its state as often as it likes; one line is logged when the state or its reason
 * changes, not at each attempt.
 */
export class Health {
  readonly #log: Log
  readonly #reports = new Map<Stage, StageReport>()

  constructor(log: Log) {
    this.#log = log
    for (const stage of STAGES) this.#reports.set(stage, { state: 'starting', why: '', since: new Date() })
  }

  /** Says that a stage works. `note` is logged with it; as a warning, when it works in a way that it should not. */
  ok(stage: Stage, note = '', level: 'info' | 'warn' = 'info'): void {
    if (this.#change(stage, 'ok', '')) this.#log[level]({ stage, state: 'ok' }, note === '' ? `${stage} is ok` : note)
  }

  /** Says that a stage waits for something that is expected to come. */
  waiting(stage: Stage, why: string): void {
    if (this.#change(stage, 'waiting', why)) this.#log.info({ stage, state: 'waiting' }, why)
  }

  /** Says that a stage is in trouble; `error` is a thrown value or a sentence. */
  failing(stage: Stage, error: unknown, todo = ''): void {
    const why = typeof error === 'string' ? error : reasonOf(error)
    if (!this.#change(stage, 'failing', why)) return
    const hint = (error as { hint?: unknown } | null)?.hint
    const remedy = typeof hint === 'string' ? hint : todo
    this.#log.warn({ stage, state: 'failing', code: codeOf(error), todo: remedy === '' ? undefined : remedy }, why)
  }

  /** The present state of one stage. */
  of(stage: Stage): StageReport {
    const report = this.#reports.get(stage)
    if (report === undefined) throw new Error(`no such stage: ${stage}`)
    return report
  }

  #change(stage: Stage, state: StageState, why: string): boolean {
    const before = this.of(stage)
    if (before.state === state && before.why === why) return false
    this.#reports.set(stage, { state, why, since: before.state === state ? before.since : new Date() })
    return true
  }
}
