import { constants } from 'node:os'

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

const cleanups = new Set<() => void>()
let interrupted: ((signal: Signal) => void) | undefined
let isWatching = false

/**
 * Registers what must happen before this process ends, in whatever way it ends: a return, a crash, Ctrl-C. Last in,
 * first out. Must be synchronous: at that point nothing can be awaited any more.
 *
 * @returns a function that takes the registration back
 */
export function beforeExit(cleanup: () => void): () => void {
  watch()
  cleanups.add(cleanup)
  return () => cleanups.delete(cleanup)
}

/** Replaces the answer to Ctrl-C and SIGTERM, which is to clean up and exit, by a graceful one. */
export function onInterruption(answer: (signal: Signal) => void): void {
  watch()
  interrupted = answer
}

function watch(): void {
  if (isWatching) return
  isWatching = true
  process.on('exit', cleanUp)
  // Without a listener a signal ends Node at once and the `exit` event never happens.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (interrupted !== undefined) interrupted(signal)
      else process.exit(128 + constants.signals[signal])
    })
  }
}

function cleanUp(): void {
  for (const cleanup of [...cleanups].reverse()) {
    try {
      cleanup()
    } catch (error) {
      // One thing that cannot be cleaned up must not save the others from it.
      process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`)
    }
  }
  cleanups.clear()
}
