/**
 * A latch between loops: one notifies, the others wait. A notification that comes while nobody waits is kept for the
 * next who does, so none is forgotten, and many are folded into one: it means "look again", never "one more".
 */
export class Wake {
  #pending = false
  readonly #waiting = new Set<() => void>()

  /** Ends every present `wait`, or else the next one. */
  notify(): void {
    if (this.#waiting.size === 0) this.#pending = true
    for (const end of this.#waiting) end()
  }

  /** Resolves at the next notification, after `timeoutMs`, or when the signal aborts, whichever comes first. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.#pending || signal.aborted) {
      this.#pending = false
      return
    }
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        this.#waiting.delete(end)
        resolve()
      }
      const timer = setTimeout(end, timeoutMs)
      signal.addEventListener('abort', end, { once: true })
      this.#waiting.add(end)
    })
  }
}
