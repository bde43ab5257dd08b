import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../bin/nemo-mqtt-check.js', import.meta.url))

/** How a run of the program ended. */
export interface CheckRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/**
 * Runs the compiled program to its end, in an empty environment but for what is given. Unless a test says otherwise it
 * has time enough for a machine that is busy.
 */
export async function runProgram(
  environment: NodeJS.ProcessEnv,
  arguments_: readonly string[],
  cwd?: string,
): Promise<CheckRun> {
  const since = performance.now()
  const patience = arguments_.includes('--timeout') ? [] : ['--timeout', '50']
  return await new Promise((resolve) => {
    const options = { env: environment, timeout: 60_000, ...(cwd === undefined ? {} : { cwd }) }
    execFile(
      process.execPath,
      ['--enable-source-maps', CLI, ...arguments_, ...patience],
      options,
      (error, stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code ?? -1)
        resolve({ code, stdout, stderr, ms: performance.now() - since })
      },
    )
  })
}
