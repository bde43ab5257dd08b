import { version } from '../version.ts'
import { EXIT_CODES } from './exit-code.ts'
import { METRICS, type MetricName } from './metrics.ts'
import type { CheckReport } from './run.ts'

/** The report for programs, as `CHECK_REPORT` of schema.ts describes it. */
export function jsonReport({ level, results, metrics, durationMs }: CheckReport): string {
  const names = Object.keys(METRICS) as MetricName[]
  const report = {
    program: 'nemo-mqtt-check',
    version: version(),
    time: new Date().toISOString(),
    level,
    exit_code: EXIT_CODES[level],
    duration_ms: durationMs,
    results,
    metrics: Object.fromEntries(names.map((name) => [name, metrics[name] ?? null])),
  }
  return JSON.stringify(report, null, 2)
}
