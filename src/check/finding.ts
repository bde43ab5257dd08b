import type { CheckCode } from './catalogue.ts'
import type { Site } from './site.ts'

/** How a check ended; `unknown` when it could not be looked at, or was not tried because another one failed. */
export type Level = 'ok' | 'warning' | 'critical' | 'unknown'

/** What a check found. */
export interface Finding {
  readonly level: Level
  /** A sentence without a full stop, with the values that were found. */
  readonly found: string
  /** What to do about it. */
  readonly todo?: string
  /** The check whose failure is the reason. */
  readonly because?: CheckCode
}

/** One question about the pipeline. */
export interface Check {
  readonly code: CheckCode
  /** Without these it is not tried. */
  readonly needs?: readonly CheckCode[]
  /** It waits for these, whatever they say. */
  readonly after?: readonly CheckCode[]
  /** When one of these has failed, what this check finds is a consequence, and is not blamed. */
  readonly causes?: readonly CheckCode[]
  /** Several findings where several things of one kind can be wrong. */
  readonly look: (site: Site) => Promise<Finding | readonly Finding[]>
}

/** Thrown by a check that cannot be tried without another one. */
export class NotTried extends Error {
  readonly because: CheckCode

  constructor(because: CheckCode) {
    super(`not tried because ${because} failed`)
    this.because = because
  }
}

/** All is well. */
export function ok(found: string): Finding {
  return { level: 'ok', found }
}

/** Needs a look, and messages flow. */
export function warning(found: string, todo: string): Finding {
  return { level: 'warning', found, todo }
}

/** Messages do not flow, or are lost. */
export function critical(found: string, todo: string): Finding {
  return { level: 'critical', found, todo }
}

/** Could not be looked at. */
export function unknown(found: string, todo?: string): Finding {
  return { level: 'unknown', found, ...(todo === undefined ? {} : { todo }) }
}
