import { codeOf, reasonOf } from './errors.ts'
import { type Log, redact } from './log.ts'
import { version } from './version.ts'

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
  'http',
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
  /** What to do; empty when ok, or when it mends itself. */
  readonly todo: string
  /** When this state began. */
  readonly since: Date
}

/** How the service is as a whole, as `{prefix}/bridge/health` and `/health` tell it. */
export interface HealthReport {
  /** RFC 3339. */
  readonly time: string
  readonly version: string
  readonly stages: Readonly<Record<Stage, Omit<StageReport, 'since'> & { readonly since: string }>>
}

/**
 * How each stage is. A stage says its state as often as it likes; one line is logged when the state or its reason
 * changes, not at each attempt.
 */
export class Health {
  readonly #log: Log
  readonly #secrets: () => readonly string[]
  readonly #reports = new Map<Stage, StageReport>()
  /** The reasons as they were given: compared at each call, and never shown. */
  readonly #given = new Map<Stage, string>()

  /** @param secrets values that must not appear in a report; the log has its own guard */
  constructor(log: Log, secrets: () => readonly string[] = () => []) {
    this.#log = log
    this.#secrets = secrets
    for (const stage of STAGES) this.#reports.set(stage, { state: 'starting', why: '', todo: '', since: new Date() })
  }

  /** Says that a stage works. `note` is logged with it; as a warning, when it works in a way that it should not. */
  ok(stage: Stage, note = '', level: 'info' | 'warn' = 'info'): void {
    if (this.#change(stage, 'ok', '', ''))
      this.#log[level]({ stage, state: 'ok' }, note === '' ? `${stage} is ok` : note)
  }

  /** Says that a stage waits for something that is expected to come. */
  waiting(stage: Stage, why: string): void {
    if (this.#change(stage, 'waiting', why, '')) this.#log.info({ stage, state: 'waiting' }, why)
  }

  /** Says that a stage is in trouble; `error` is a thrown value or a sentence. */
  failing(stage: Stage, error: unknown, todo = ''): void {
    const why = typeof error === 'string' ? error : reasonOf(error)
    const hint = (error as { hint?: unknown } | null)?.hint
    const remedy = typeof hint === 'string' ? hint : todo
    if (!this.#change(stage, 'failing', why, remedy)) return
    this.#log.warn({ stage, state: 'failing', code: codeOf(error), todo: remedy === '' ? undefined : remedy }, why)
  }

  /** The present state of one stage. */
  of(stage: Stage): StageReport {
    const report = this.#reports.get(stage)
    if (report === undefined) throw new Error(`no such stage: ${stage}`)
    return report
  }

  /** All of it. */
  report(): HealthReport {
    const stages = STAGES.map((stage) => {
      const { since, ...report } = this.of(stage)
      return [stage, { ...report, since: since.toISOString() }]
    })
    return {
      time: new Date().toISOString(),
      version: version(),
      stages: Object.fromEntries(stages) as HealthReport['stages'],
    }
  }

  // Cleaned at once, so that nobody who asks can pass on what must not be seen.
  #change(stage: Stage, state: StageState, given: string, todo: string): boolean {
    const before = this.of(stage)
    if (before.state === state && this.#given.get(stage) === given) return false
    const secrets = this.#secrets()
    const since = before.state === state ? before.since : new Date()
    this.#given.set(stage, given)
    this.#reports.set(stage, { state, why: redact(given, secrets), todo: redact(todo, secrets), since })
    return true
  }
}
