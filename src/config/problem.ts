import { AppError } from '../errors.ts'

/** Something wrong with a setting. */
export interface Problem {
  /** The setting; what was written, where there is no such setting. */
  readonly name: string
  /** What people call it, depending on where it comes from. */
  readonly called: string
  /** What is wrong, after the name and a colon. */
  readonly problem: string
}

/** A problem as one line. */
export function inWords({ called, problem }: Problem): string {
  return `${called}: ${problem}`
}

/** Thrown when settings cannot be used: the message names every problem, and so does the list, by setting. */
export class SettingsError extends AppError {
  readonly problems: readonly Problem[]

  constructor(message: string, problems: readonly Problem[], options: { hint?: string; cause?: unknown } = {}) {
    super('NEMO_MQTT_ERR_CONFIG', message, options)
    this.problems = problems
  }
}
