import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { CheckReportJson } from '../../src/check/schema.ts'
import { type ServiceOptions, serviceEnvironment } from '../fixtures/service.ts'

const CLI = fileURLToPath(new URL('../../bin/nemo-mqtt-check.js', import.meta.url))

/** How a run of the program ended. */
export interface CheckRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/** Runs the compiled program to its end, in an empty environment but for what is given. */
export async function runProgram(
  environment: NodeJS.ProcessEnv,
  arguments_: readonly string[],
  cwd?: string,
): Promise<CheckRun> {
  const since = performance.now()
  return await new Promise((resolve) => {
    const options = { env: environment, timeout: 60_000, ...(cwd === undefined ? {} : { cwd }) }
    execFile(process.execPath, ['--enable-source-maps', CLI, ...arguments_], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? -1)
      resolve({ code, stdout, stderr, ms: performance.now() - since })
    })
  })
}

/** Runs it with the settings of a service. */
export async function runCheck(options: ServiceOptions, arguments_: readonly string[]): Promise<CheckRun> {
  return await runProgram(serviceEnvironment(options), arguments_)
}

/** Runs it and reads its JSON. */
export async function checkJson(
  options: ServiceOptions,
  arguments_: readonly string[] = [],
): Promise<{ run: CheckRun; report: CheckReportJson }> {
  const run = await runCheck(options, ['--json', ...arguments_])
  return { run, report: JSON.parse(run.stdout) as CheckReportJson }
}
