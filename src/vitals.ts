import type { Health } from './health.ts'
import type { Liveness } from './liveness.ts'
import type { Log } from './log.ts'
import type { Pulse } from './pulse.ts'
import type { Traffic } from './traffic.ts'

/** What every stage tells how it is. */
export interface Vitals {
  readonly log: Log
  readonly health: Health
  readonly traffic: Traffic
  readonly pulse: Pulse
  readonly liveness: Liveness
}
