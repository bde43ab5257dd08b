import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { until } from '../../lab/wait.ts'

const CLI = fileURLToPath(new URL('../../bin/nemo-mqtt.js', import.meta.url))

/** A command that goes on until it is ended. */
export interface RunningCommand {
  /** What it has printed, by lines. */
  readonly lines: string[]
  readonly notes: () => string
  /** Waits for so many lines. */
  readonly printed: (count: number) => Promise<string[]>
  readonly signal: (name: NodeJS.Signals) => void
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Starts a command; it ends with the test. `input` is what it reads. */
export function startCommand(
  t: Test,
  arguments_: readonly string[],
  environment: NodeJS.ProcessEnv,
  input?: string,
): RunningCommand {
  const child = spawn(process.execPath, [CLI, ...arguments_], { env: { PATH: process.env.PATH, ...environment } })
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? signal ?? -1))
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let output = ''
  let notes = ''
  const lines: string[] = []
  child.stdout.on('data', (part) => {
    const whole = (output + String(part)).split('\n')
    output = whole.pop() ?? ''
    lines.push(...whole)
  })
  child.stderr.on('data', (part) => {
    notes += String(part)
  })
  if (input !== undefined) child.stdin.end(input)
  return {
    lines,
    notes: () => notes,
    printed: (count) =>
      until(() => (lines.length >= count ? lines : undefined), { deadlineMs: 15_000, what: `${count} lines` }),
    signal: (name) => child.kill(name),
    ended,
  }
}
