import { type CheckReport, runChecks } from '../check/run.ts'
import { redact } from '../log.ts'
import { boxOf } from './boxes.ts'
import type { ShownCheck } from './shown.ts'

/** The checks end within this time, in milliseconds: soon enough for a page that waits for them. */
const TIMEOUT_MS = 8_000
/** While something is wrong they run this often, in milliseconds. */
const AGAIN_MS = 15_000
/** Whoever asks for them gets them this soon after the last ones at best, in milliseconds. */
const ASKED_AGAIN_MS = 5_000

/** Runs the checks of `nemo-mqtt-check` in the service's own process, never two at once. */
export class Checking {
  readonly #run: () => Promise<CheckReport>
  readonly #now: () => number
  #running: Promise<ShownCheck> | undefined
  #latest: ShownCheck | undefined
  #endedAt = Number.NEGATIVE_INFINITY

  /**
   * @param environment what the service was started with
   * @param now milliseconds of a clock that is never set back
   */
  constructor(
    environment: NodeJS.ProcessEnv,
    run = (): Promise<CheckReport> => runChecks(environment, { timeoutMs: TIMEOUT_MS }),
    now: () => number = () => performance.now(),
  ) {
    this.#run = run
    this.#now = now
  }

  /** What they said last; undefined when they have not run, or so long ago that it says nothing about now. */
  get latest(): ShownCheck | undefined {
    return this.#now() - this.#endedAt < 2 * AGAIN_MS ? this.#latest : undefined
  }

  /** Runs them when it is time, because something is wrong and somebody looks; gives the answer when they ran. */
  async becauseOfTrouble(): Promise<ShownCheck | undefined> {
    if (this.#running !== undefined || this.#now() - this.#endedAt < AGAIN_MS) return undefined
    return await this.#start()
  }

  /** Runs them because somebody asks; whoever asks meanwhile gets the same answer. Gives the seconds to wait when too soon. */
  async asked(): Promise<ShownCheck | number> {
    if (this.#running !== undefined) return await this.#running
    const waitMs = ASKED_AGAIN_MS - (this.#now() - this.#endedAt)
    if (waitMs > 0) return Math.ceil(waitMs / 1_000)
    return await this.#start()
  }

  #start(): Promise<ShownCheck> {
    this.#running = this.#run()
      .then((report) => {
        this.#latest = shown(report)
        return this.#latest
      })
      .finally(() => {
        this.#endedAt = this.#now()
        this.#running = undefined
      })
    return this.#running
  }
}

function shown({ level, results, durationMs, secrets }: CheckReport): ShownCheck {
  const clean = (text: string): string => redact(text, secrets)
  return {
    at: Date.now(),
    level,
    durationMs,
    findings: results.map(({ code, stage, level: one, found, why, todo, because }) => ({
      code,
      box: boxOf(code, stage),
      level: one,
      found: clean(found),
      why,
      todo: clean(todo ?? ''),
      because,
    })),
  }
}
