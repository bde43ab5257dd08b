import type { Level } from './finding.ts'
import type { CheckReport, CheckResult } from './run.ts'

const MARKS: Readonly<Record<Level, string>> = { ok: 'ok', warning: '!', critical: '!!', unknown: '?' }

/** The report for people: one line a check, then what is not ok with why and what to do. */
export function textReport({ level, results, durationMs }: CheckReport): string {
  const width = Math.max(...results.map(({ code }) => code.length))
  const lines = results.map(({ code, level: one, found }) => {
    const [first = ''] = found.split('\n')
    return `${MARKS[one].padEnd(2)} ${code.padEnd(width)}  ${first}`
  })
  const toldBy = results.filter((result) => result.level !== 'ok' && result.because === null)
  const order: readonly Level[] = ['critical', 'warning', 'unknown']
  for (const one of order)
    for (const result of toldBy.filter((r) => r.level === one)) lines.push('', ...explain(result))
  const counted = order.map((one) => [results.filter((r) => r.level === one).length, one] as const)
  const summary = counted.filter(([count]) => count > 0).map(([count, one]) => `${count} ${one}`)
  const seconds = (durationMs / 1_000).toFixed(1)
  lines.push('', `${level.toUpperCase()}: ${summary.join(', ') || `${results.length} checks`}, in ${seconds} s`)
  return lines.join('\n')
}

function explain({ code, level, found, why, todo }: CheckResult): string[] {
  const lines = [`${MARKS[level]} ${code}: ${found}`, `   why: ${why}`]
  return todo === null ? lines : [...lines, `   do:  ${todo}`]
}
