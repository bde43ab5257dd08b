import type { Log } from './log.ts'

/** Longest orderly end, in milliseconds; shorter than systemd's TimeoutStopSec, so that we and not it decide. */
const GRACE_MS = 4_500

/**
 * The one place that handles signals. The first SIGTERM or SIGINT aborts the signal that is given here; a second one
 * ends the process at once, and so does an end that takes longer than 4.5 s: what was not finished is delivered by
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
