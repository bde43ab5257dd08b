import type { Level } from './finding.ts'
import { LATE_S, METRICS, type MetricName } from './metrics.ts'
import type { CheckReport, CheckResult } from './run.ts'

const THRESHOLDS: Partial<Record<MetricName, string>> = {
  oldest_seconds: `${LATE_S.warning};${LATE_S.critical}`,
  queue_oldest_seconds: `${LATE_S.warning};${LATE_S.critical}`,
  in_flight_oldest_seconds: `${LATE_S.warning};${LATE_S.critical}`,
  unmapped: '0;',
  parked: '0;',
  certificate_days: '21:;0:',
}

/**
 * One line for monitoring: `NEMO_MQTT STATE - text | performance data`.
 *
 * @see https://www.monitoring-plugins.org/doc/guidelines.html sections 2.1 and 2.6: a value that is not known is `U`
 */
export function nagiosReport({ level, results, metrics }: CheckReport): string {
  const names = Object.keys(METRICS) as MetricName[]
  const data = names.map((name) => perfdata(name, metrics[name]))
  return `NEMO_MQTT ${level.toUpperCase()} - ${oneLine(text(level, results))} | ${data.join(' ')}`
}

function text(level: Level, results: readonly CheckResult[]): string {
  const bad = results.filter((result) => result.level !== 'ok')
  if (level === 'ok') return `${results.length} checks are ok`
  // What was not tried says nothing beside its reason.
  const own = bad.filter(({ because }) => because === null)
  const [first] = own.filter((result) => result.level === level)
  if (first === undefined) return `${bad.length} checks could not be made: ${bad[0]?.found}`
  const more = own.length === 1 ? '' : ` (and ${own.length - 1} more: ${others(own, first)})`
  return `${first.code}: ${first.found}${first.todo === null ? '' : `; do: ${first.todo}`}${more}`
}

function others(all: readonly CheckResult[], first: CheckResult): string {
  return [...new Set(all.filter((one) => one !== first).map(({ code }) => code))].join(', ')
}

// A bar would begin the performance data.
function oneLine(found: string): string {
  return found.replace(/\s+/g, ' ').replaceAll('|', '/')
}

function perfdata(name: MetricName, value: number | undefined): string {
  if (value === undefined) return `${name}=U`
  const limits = THRESHOLDS[name] ?? ';'
  const least = name === 'certificate_days' ? '' : '0'
  return `${name}=${value}${METRICS[name].unit};${limits};${least}`
}
