import type { Level } from './finding.ts'

/** Exit codes, those of monitoring plugins. */
export const EXIT_CODES: Readonly<Record<Level, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 }
