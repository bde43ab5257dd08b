import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pause } from './backoff.ts'
import { reasonOf } from './errors.ts'
import type { Readiness } from './http/observed.ts'
import type { Log } from './log.ts'

const run = promisify(execFile)

/** How often the state is looked at, in milliseconds. */
const LOOK_MS = 500
/** A status line is sent anew when it changed, but not more often than this, in milliseconds. */
const STATUS_MS = 5_000

/** What systemd is told about. */
export interface SystemdParts {
  readonly readiness: () => Readiness
  readonly stuck: () => readonly string[]
  readonly log: Log
}

/**
 * Tells systemd how we are (sd_notify(3)), until the signal aborts: ready once messages flow or this instance stands
 * by, alive as long as the loops turn, and a line for `systemctl status`. Does nothing where no systemd started us.
 *
 * Node has no datagram sockets of the local kind, so this goes through the program `systemd-notify`, which is wherever
 * systemd is; the unit allows it with NotifyAccess=all.
 */
export async function tellSystemd(
  { readiness, stuck, log }: SystemdParts,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  if (!environment.NOTIFY_SOCKET) return
  const watchdogMs = Number(environment.WATCHDOG_USEC ?? 0) / 1_000
  const notify = notifier(environment, log)
  let isReady = false
  let said = ''
  let saidAt = Number.NEGATIVE_INFINITY
  let fedAt = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    const now = performance.now()
    const { isReady: flows, role, why } = readiness()
    const words: string[] = []
    if (!isReady && (flows || role === 'standby')) {
      isReady = true
      words.push('--ready')
    }
    const status = flows ? 'messages flow' : why
    if (status !== said && (now - saidAt > STATUS_MS || words.length > 0)) {
      words.push(`--status=${status}`)
      said = status
      saidAt = now
    }
    // Not fed while something is stuck: then systemd starts us anew.
    if (watchdogMs > 0 && now - fedAt > watchdogMs / 3 && stuck().length === 0) {
      words.push('WATCHDOG=1')
      fedAt = now
    }
    if (words.length > 0) await notify(words)
    await pause(LOOK_MS, signal)
  }
  await notify(['STOPPING=1'])
}

function notifier(environment: NodeJS.ProcessEnv, log: Log): (words: readonly string[]) => Promise<void> {
  let hasFailed = false
  return async (words) => {
    try {
      await run('systemd-notify', words, { env: environment, timeout: 5_000 })
      hasFailed = false
    } catch (error) {
      if (!hasFailed) log.warn({ todo: 'NotifyAccess=all in the unit' }, `systemd cannot be told: ${reasonOf(error)}`)
      hasFailed = true
    }
  }
}
