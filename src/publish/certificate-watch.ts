import { pause } from '../backoff.ts'
import type { LiveSettings } from '../config/live.ts'
import { reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Broker } from './broker.ts'
import { readBrokerFiles, usesTls } from './connect-options.ts'

/** The files are looked at so often, in milliseconds. */
const LOOK_MS = 10_000

/** What the watch works with. */
export interface CertificateWatchParts {
  readonly live: LiveSettings
  readonly broker: Broker
  readonly log: Log
  /** @defaultValue 10 s, in milliseconds */
  readonly everyMs?: number
}

/**
 * Notices renewed certificate files and has the link made anew with them. It looks at what is in the files: a time of
 * change is the same twice within a second, and a link that is turned to another folder, as certbot does it, keeps it.
 * Files that do not fit together are half written: the link stays as it is until they do.
 */
export class CertificateWatch {
  readonly #parts: CertificateWatchParts
  #problem: string | undefined
  #times = 0

  constructor(parts: CertificateWatchParts) {
    this.#parts = parts
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#parts.everyMs ?? LOOK_MS, signal)
      if (!signal.aborted) this.#look()
    }
  }

  #look(): void {
    const { live, broker, log } = this.#parts
    if (live.paused !== undefined || !usesTls(live.current)) return
    let hash: string
    try {
      hash = readBrokerFiles(live.current).hash
    } catch (error) {
      this.#tell(reasonOf(error))
      return
    }
    this.#problem = undefined
    if (hash === broker.certificates || !broker.relink()) return
    log.info({ stage: 'broker' }, 'the certificate files have changed: a new link is made with them')
  }

  // Once may be a file that is being written. Without a link the broker itself says it at each attempt.
  #tell(problem: string): void {
    const { broker, log } = this.#parts
    this.#times = problem === this.#problem ? this.#times + 1 : 1
    this.#problem = problem
    if (this.#times === 2 && broker.link !== undefined) {
      log.warn({ stage: 'broker' }, `the link goes on with the earlier certificate files: ${problem}`)
    }
  }
}
