import type { LogDepth } from '../db/depth.ts'
import type { Health } from '../health.ts'
import type { Pulse } from '../pulse.ts'
import type { QueueState } from '../queue/inspect.ts'

/** Whether messages flow, and why not. */
export interface Readiness {
  readonly isReady: boolean
  /** `starting` until the database has said which of the two it is. */
  readonly role: 'active' | 'standby' | 'starting'
  /** Empty when ready. */
  readonly why: string
}

/** What can be asked of a running service. Whatever needs a server gives undefined when that does not answer. */
export interface Observed {
  readonly health: Health
  readonly pulse: Pulse
  readonly readiness: () => Readiness
  readonly stuck: () => readonly string[]
  readonly changeLog: () => Promise<LogDepth | undefined>
  readonly queue: () => Promise<QueueState | undefined>
  readonly inFlight: () => { readonly entries: number; readonly unanswered: number } | undefined
}
