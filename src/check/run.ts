import { setMaxListeners } from 'node:events'
import { codeOf, reasonOf } from '../errors.ts'
import { BROKER_CHECKS } from './broker.ts'
import { CAPTURE_CHECKS } from './capture.ts'
import { CHECK_CODES, CHECKS, type CheckCode, type CheckStage } from './catalogue.ts'
import { CHANGE_LOG_CHECKS } from './change-log.ts'
import { CONFIGURATION_CHECKS } from './configuration.ts'
import { DATABASE_CHECKS } from './database.ts'
import { type Check, type Finding, type Level, NotTried, unknown } from './finding.ts'
import type { MetricName } from './metrics.ts'
import { NOTIFICATION_CHECKS } from './notifications.ts'
import { QUEUE_CHECKS } from './queue.ts'
import { REDIS_CHECKS } from './redis.ts'
import { ROUND_TRIP_CHECKS } from './round-trip.ts'
import { SERVICE_CHECKS } from './service.ts'
import { Site } from './site.ts'

/** Every check there is. */
export const ALL_CHECKS: readonly Check[] = [
  ...CONFIGURATION_CHECKS,
  ...DATABASE_CHECKS,
  ...CAPTURE_CHECKS,
  ...NOTIFICATION_CHECKS,
  ...CHANGE_LOG_CHECKS,
  ...REDIS_CHECKS,
  ...QUEUE_CHECKS,
  ...BROKER_CHECKS,
  ...ROUND_TRIP_CHECKS,
  ...SERVICE_CHECKS,
]

/** What one check says. */
export interface CheckResult {
  readonly code: CheckCode
  readonly stage: CheckStage
  readonly level: Level
  readonly found: string
  readonly why: string
  /** What to do; null when there is nothing to do here. */
  readonly todo: string | null
  /** The check whose failure is the reason for this result; null when it stands for itself. */
  readonly because: CheckCode | null
}

/** What all of them say. */
export interface CheckReport {
  /** The worst of all: critical, then warning, then unknown. */
  readonly level: Level
  /** In the order of the pipeline. */
  readonly results: readonly CheckResult[]
  readonly metrics: Readonly<Partial<Record<MetricName, number>>>
  readonly durationMs: number
  /** Values that must not be shown. */
  readonly secrets: readonly string[]
}

/** What {@link runChecks} is to do. */
export interface RunOptions {
  /** Only these; what they need is looked at, and not shown. */
  readonly only?: readonly CheckCode[]
  /** For everything, in milliseconds. */
  readonly timeoutMs: number
}

/** Runs the checks, those that do not need each other at the same time. Never throws; ends in time. */
export async function runChecks(environment: NodeJS.ProcessEnv, { only, timeoutMs }: RunOptions): Promise<CheckReport> {
  const since = performance.now()
  const end = new AbortController()
  setMaxListeners(0, end.signal) // every check waits for it
  const timer = setTimeout(() => end.abort(), timeoutMs)
  // The broker comes after the database, which may have its settings: together they must fit.
  const share = (part: number, most: number): number => Math.round(Math.max(200, Math.min(most, part * timeoutMs)))
  const limits = { databaseMs: share(0.35, 4_000), redisMs: share(0.35, 4_000), brokerMs: share(0.45, 5_000) }
  const site = new Site(environment, limits, end.signal)
  const wanted = new Set(only === undefined || only.length === 0 ? CHECK_CODES : only)
  const outcomes = new Map<CheckCode, Promise<readonly CheckResult[]>>()
  const byCode = new Map(ALL_CHECKS.map((check) => [check.code, check]))

  const outcomeOf = (code: CheckCode): Promise<readonly CheckResult[]> => {
    const started = outcomes.get(code)
    if (started !== undefined) return started
    const check = byCode.get(code)
    if (check === undefined) throw new Error(`no such check: ${code}`)
    const outcome = perform(check, site, outcomeOf)
    outcomes.set(code, outcome)
    return outcome
  }

  try {
    const causes = [...wanted].flatMap((code) => byCode.get(code)?.causes ?? [])
    await Promise.all([...wanted, ...(only === undefined ? [] : causes)].map(outcomeOf))
    const all = new Map<CheckCode, readonly CheckResult[]>()
    for (const [code, outcome] of outcomes) all.set(code, await outcome)
    const results = CHECK_CODES.filter((code) => wanted.has(code)).flatMap((code) => {
      const causesOf = byCode.get(code)?.causes ?? []
      return (all.get(code) ?? []).map((result) => asConsequence(result, causesOf, all))
    })
    const durationMs = Math.round(performance.now() - since)
    return { level: worst(results), results, metrics: site.metrics, durationMs, secrets: site.secrets }
  } finally {
    clearTimeout(timer)
    site.close()
  }
}

type OutcomeOf = (code: CheckCode) => Promise<readonly CheckResult[]>

async function perform(check: Check, site: Site, outcomeOf: OutcomeOf): Promise<readonly CheckResult[]> {
  const needs = check.needs ?? []
  const before = await Promise.all([...needs, ...(check.after ?? [])].map(outcomeOf))
  const failed = before.slice(0, needs.length).flatMap((results) => {
    const isUsable = results.some(({ level }) => level === 'ok' || level === 'warning')
    const [bad] = results.filter(({ level }) => level === 'critical' || (level === 'unknown' && !isUsable))
    return bad === undefined ? [] : [bad.because ?? bad.code]
  })
  if (failed[0] !== undefined) return [notTried(check.code, failed[0])]
  try {
    const found = await inTime(check.look(site), site.signal)
    return [found].flat().map((finding) => resultOf(check.code, finding))
  } catch (error) {
    if (error instanceof NotTried) return [notTried(check.code, error.because)]
    return [resultOf(check.code, failure(error))]
  }
}

function failure(error: unknown): Finding {
  if (codeOf(error) === '42501') {
    return unknown(`needs a right that our role does not have: ${reasonOf(error)}`, 'see DB_RIGHTS')
  }
  return unknown(`could not be looked at: ${reasonOf(error)}`)
}

async function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error('no answer in time'))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

function resultOf(code: CheckCode, { level, found, todo, because }: Finding): CheckResult {
  const { stage, why } = CHECKS[code]
  return { code, stage, level, found, why, todo: todo ?? null, because: because ?? null }
}

function notTried(code: CheckCode, because: CheckCode): CheckResult {
  return { ...resultOf(code, unknown(`not tried because ${because} failed`)), because }
}

// What waits because the broker is away is no fault of the queue.
function asConsequence(
  result: CheckResult,
  causes: readonly CheckCode[],
  all: ReadonlyMap<CheckCode, readonly CheckResult[]>,
): CheckResult {
  if (result.level !== 'warning' && result.level !== 'critical') return result
  const cause = causes.find((code) => all.get(code)?.some(({ level }) => level === 'critical'))
  if (cause === undefined) return result
  return {
    ...result,
    level: 'unknown',
    found: `${result.found}: a consequence of ${cause}`,
    todo: null,
    because: cause,
  }
}

function worst(results: readonly CheckResult[]): Level {
  const order: readonly Level[] = ['critical', 'warning', 'unknown']
  return order.find((level) => results.some((result) => result.level === level)) ?? 'ok'
}
