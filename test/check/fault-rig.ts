import type { Test } from 'tap'
import { until } from '../../lab/wait.ts'
import type { CheckCode } from '../../src/check/catalogue.ts'
import { type CheckReport, type CheckResult, runChecks } from '../../src/check/run.ts'
import { type ServiceOptions, type ServiceProcess, serviceEnvironment } from '../fixtures/service.ts'
import { type Laboratory, type LaboratoryOptions, openLaboratory } from '../service/laboratory.ts'

/** The key with which the service of the rig signs. */
export const HMAC_KEY = 'the key of the rig'

const SIGNED = { use_hmac: true, hmac_secret_key: HMAC_KEY }

/** What one fault must lead to. */
export interface Expected {
  readonly code: CheckCode
  readonly level?: 'warning' | 'critical'
  /** What was found, and what to do. */
  readonly found: RegExp
  readonly todo?: RegExp
  /** Checks that cannot be made for want of rights: they may be unknown, nothing more. */
  readonly unknown?: readonly CheckCode[]
  /** For everything; where something is silent, less is enough. @defaultValue 9 s */
  readonly timeoutMs?: number
}

/** A laboratory with a service that runs, in which faults are made. */
export class FaultRig {
  readonly laboratory: Laboratory
  readonly service: ServiceProcess

  private constructor(laboratory: Laboratory, service: ServiceProcess) {
    this.laboratory = laboratory
    this.service = service
  }

  /** Starts it, and makes sure that the checks find nothing wrong. */
  static async open(t: Test, options: LaboratoryOptions = {}): Promise<FaultRig> {
    const laboratory = await openLaboratory(t, options)
    const service = await laboratory.start({ settings: SIGNED })
    await service.says('bridge', 'ok')
    const rig = new FaultRig(laboratory, service)
    await rig.isWell()
    return rig
  }

  /** The settings of a check; a URL or port given here leads elsewhere. */
  options({ settings, ...changed }: Partial<ServiceOptions> = {}): ServiceOptions {
    return this.laboratory.options({ ...changed, settings: { ...SIGNED, ...settings } })
  }

  /** Runs the checks in this process. */
  async check(
    changed: Partial<ServiceOptions> = {},
    more: NodeJS.ProcessEnv = {},
    timeoutMs = 9_000,
  ): Promise<CheckReport> {
    return await runChecks({ ...serviceEnvironment(this.options(changed)), ...more }, { timeoutMs })
  }

  /** Waits until nothing is wrong. */
  async isWell(): Promise<void> {
    let report: CheckReport | undefined
    const look = async (): Promise<boolean> => {
      report = await this.check()
      return report.level === 'ok'
    }
    await until(look, { deadlineMs: 20_000, everyMs: 100, what: 'every check to be ok' }).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(report?.results.filter(({ level }) => level !== 'ok'))}`)
    })
  }

  /** Runs the checks: the fault must be named, and nothing else be blamed. */
  async names(
    t: Test,
    expected: Expected,
    changed: Partial<ServiceOptions> = {},
    more: NodeJS.ProcessEnv = {},
  ): Promise<CheckResult> {
    const report = await this.check(changed, more, expected.timeoutMs)
    return judge(t, report, expected)
  }
}

/** The fault must be named, and nothing else be blamed. */
export function judge(t: Test, report: CheckReport, expected: Expected): CheckResult {
  const blamed = report.results.filter(({ level }) => level === 'warning' || level === 'critical')
  const [first] = blamed
  t.strictSame([...new Set(blamed.map(({ code }) => code))], [expected.code], 'the fault is named, and nothing else')
  const open = report.results.filter(({ level, because }) => level === 'unknown' && because === null)
  t.strictSame(
    open.map(({ code }) => code),
    expected.unknown ?? [],
    'what is unknown has its reason in another check',
  )
  t.equal(first?.level, expected.level ?? 'critical')
  t.match(first?.found, expected.found)
  t.match(first?.todo, expected.todo ?? /\w/)
  if (first === undefined) throw new Error('nothing was named')
  return first
}
