import type { Log } from './log.ts'

/** Longest orderly end, in milliseconds; shorter than systemd's TimeoutStopSec, so that we and not it decide. */
const GRACE_MS = 4_000

/**
 * The one place that handles signals. The first SIGTERM or SIGINT aborts the signal that is given here; a second one
 * ends the process at once, and so does an end that takes longer than 4 s: what was not finished is delivered by
 * the next start.
 */
export function onSignals(log: Log): AbortSignal {
  const stop = new AbortController()
  const handle = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      log.warn({ signal: name }, 'ending at once; what is in flight is delivered by the next start')
      process.exit(0)
    }
    log.info({ signal: name }, 'stopping')
    stop.abort()
    setTimeout(() => {
      log.warn('the end took too long, probably because something does not answer; ending now')
      process.exit(0)
    }, GRACE_MS).unref()
  }
  process.on('SIGTERM', handle)
  process.on('SIGINT', handle)
  return stop.signal
}

/** For commands that go on until somebody ends them: the signal aborts at the first SIGINT or SIGTERM. */
export function untilInterrupted(): AbortSignal {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  process.once('SIGTERM', () => stop.abort())
  return stop.signal
}

/** Whoever reads our output has seen enough (`| head`): that is no fault, and the end. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
}
