import type { CheckCode } from '../check/catalogue.ts'
import { EXIT_CODES } from '../check/exit-code.ts'
import { jsonReport } from '../check/report-json.ts'
import { nagiosReport } from '../check/report-nagios.ts'
import { textReport } from '../check/report-text.ts'
import { runChecks } from '../check/run.ts'
import { CHECK_REPORT } from '../check/schema.ts'
import { redact } from '../log.ts'

/** What can be given to `nemo-mqtt-check`. */
export interface CheckArguments {
  readonly json?: boolean | undefined
  readonly nagios?: boolean | undefined
  readonly schema?: boolean | undefined
  readonly only?: readonly CheckCode[] | undefined
  /** Seconds for everything, the start of the program included. */
  readonly timeout: number
}

/** Left over for the start and the end of the process, in milliseconds. */
const MARGIN_MS = 500

/** Runs the checks and prints what they found. Returns the exit code: 0 ok, 1 warning, 2 critical, 3 unknown. */
export async function check(
  given: CheckArguments,
  environment: NodeJS.ProcessEnv,
  print: (line: string) => void,
): Promise<number> {
  if (given.schema === true) {
    print(JSON.stringify(CHECK_REPORT, null, 2))
    return 0
  }
  const timeoutMs = Math.max(500, given.timeout * 1_000 - performance.now() - MARGIN_MS)
  const report = await runChecks(environment, { timeoutMs, only: given.only ?? [] })
  const form = given.json === true ? jsonReport : given.nagios === true ? nagiosReport : textReport
  print(redact(form(report), report.secrets))
  return EXIT_CODES[report.level]
}
