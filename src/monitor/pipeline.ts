import type { LiveSettings } from '../config/live.ts'
import type { LogDepth } from '../db/depth.ts'
import type { Health } from '../health.ts'
import { brokerAddress } from '../publish/connect-options.ts'
import type { QueueState } from '../queue/inspect.ts'
import { STAGES_OF } from './boxes.ts'
import type { Samples } from './samples.ts'
import { BOXES, type Box, type BoxName, type ShownCheck, type ShownPipeline, type Trouble } from './shown.ts'
import type { UnderWay } from './under-way.ts'

/** A sample that a reader missed comes again with the next ones. */
const NEWEST_SAMPLES = 5

/** Who did not answer is asked again after this time, in milliseconds. */
const AWAY_MS = 3_000

/** What can be asked of the service for this. */
export interface PipelineQuestions {
  readonly health: Health
  readonly readiness: () => Pick<ShownPipeline, 'isReady' | 'role' | 'why'>
  readonly changeLog: () => Promise<LogDepth | undefined>
  readonly queue: () => Promise<QueueState | undefined>
  readonly inFlight: () => { readonly entries: number; readonly unanswered: number } | undefined
  /** Which configuration is enabled, for people; undefined when PostgreSQL does not answer. */
  readonly configuration: () => Promise<string | undefined>
}

interface Answers {
  readonly changeLog: LogDepth | undefined
  readonly queue: QueueState | undefined
  readonly configuration: string | undefined
}

const NO_ANSWERS: Answers = { changeLog: undefined, queue: undefined, configuration: undefined }

/** How the five parts of the pipeline are. */
export class Pipeline {
  readonly #ask: PipelineQuestions
  readonly #live: LiveSettings
  readonly #samples: Samples
  readonly #underWay: UnderWay
  #answers = NO_ANSWERS
  #asking: Promise<void> | undefined
  #notBefore = Number.NEGATIVE_INFINITY

  constructor(ask: PipelineQuestions, live: LiveSettings, samples: Samples, underWay: UnderWay) {
    this.#ask = ask
    this.#live = live
    this.#samples = samples
    this.#underWay = underWay
  }

  /** Asks PostgreSQL and Redis how much waits; those who ask meanwhile wait for the same answers. */
  async refresh(): Promise<void> {
    if (performance.now() < this.#notBefore) return
    this.#asking ??= this.#refresh().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
  }

  /** How it is by what is known now. */
  shown(now: number, check: ShownCheck | undefined): ShownPipeline {
    const { current } = this.#live
    const { isReady, role, why } = this.#ask.readiness()
    return {
      at: now,
      isReady,
      role,
      why,
      configuration: this.#answers.configuration ?? 'not known: PostgreSQL does not answer',
      isSigned: current.use_hmac,
      broker: brokerAddress(current),
      prefix: current.topic_prefix,
      isLogOn: current.log_messages,
      boxes: BOXES.map((name) => this.#box(name, now, check)),
      samples: this.#samples.newest(NEWEST_SAMPLES),
    }
  }

  async #refresh(): Promise<void> {
    const { changeLog, queue, configuration } = this.#ask
    const [log, inRedis, inForce] = await Promise.all([changeLog(), queue(), configuration()])
    this.#answers = { changeLog: log, queue: inRedis, configuration: inForce }
    // Whoever hangs would have one question of ours after the other waiting.
    if (log === undefined || inRedis === undefined) this.#notBefore = performance.now() + AWAY_MS
  }

  #box(name: BoxName, now: number, check: ShownCheck | undefined): Box {
    const stages = STAGES_OF[name].map((stage) => this.#ask.health.of(stage))
    // What the check found before the stage recovered is over.
    const isOver =
      stages.every((stage) => stage.state === 'ok') && stages.some(({ since }) => since.getTime() > (check?.at ?? 0))
    const findings = isOver ? [] : troublesOf(name, check)
    const isFailing = stages.some(({ state }) => state === 'failing') || findings.some(isCritical)
    const state = isFailing ? 'failing' : stages.every((stage) => stage.state === 'ok') ? 'ok' : 'waiting'
    const said = stages
      .filter((stage) => stage.state !== 'ok' && stage.why !== '')
      .map((stage): Trouble => {
        const level = stage.state === 'failing' ? 'critical' : 'unknown'
        return { code: null, level, found: stage.why, why: '', todo: stage.todo }
      })
    // The words of the check say more; until it has looked at this trouble, the service's own are shown.
    const troubles = findings.some(isCritical) ? findings : [...said, ...findings]
    return { name, state, ...this.#depth(name, now), rate: this.#samples.rates[name], troubles }
  }

  #depth(name: BoxName, now: number): Pick<Box, 'depth' | 'oldestSeconds'> {
    const { changeLog, queue } = this.#answers
    const age = (since: number | null | undefined): number | null =>
      since === null || since === undefined ? null : Math.max(0, now - since) / 1_000
    const inFlight = this.#ask.inFlight()
    switch (name) {
      case 'postgres': {
        const isEmpty = changeLog === undefined || changeLog.depth === 0
        return { depth: changeLog?.depth ?? null, oldestSeconds: isEmpty ? null : changeLog.oldestSeconds }
      }
      case 'listener':
        return { depth: changeLog?.unmapped ?? null, oldestSeconds: null }
      case 'redis': {
        const since = queue?.oldestQueuedAt
        return { depth: queue?.queued ?? null, oldestSeconds: age(typeof since === 'number' ? since * 1_000 : null) }
      }
      case 'bridge':
        return { depth: inFlight?.entries ?? null, oldestSeconds: age(this.#underWay.oldest().takenAt) }
      case 'broker':
        return { depth: inFlight?.unanswered ?? null, oldestSeconds: age(this.#underWay.oldest().sentAt) }
    }
  }
}

function troublesOf(name: BoxName, check: ShownCheck | undefined): Trouble[] {
  const found = (check?.findings ?? []).filter(({ box, level, because }) => {
    return box === name && (level === 'critical' || level === 'warning') && because === null
  }) as ReadonlyArray<Trouble & { readonly level: 'critical' | 'warning' }>
  const inOrder = [...found.filter(isCritical), ...found.filter((one) => !isCritical(one))]
  return inOrder.map(({ code, level, found: what, why, todo }) => ({ code, level, found: what, why, todo }))
}

function isCritical({ level }: Trouble): boolean {
  return level === 'critical'
}
