/**
 * A latch between two loops: one notifies, the other waits. A notification that comes while nobody waits is kept, so
 * none is forgotten, and many are folded into one: it means "look again", never "one more".
 */
export class Wake {
  #pending = false
  #resolve: (() => void) | undefined

  /** Ends the present or the next `wait`. */
  notify(): void {
    this.#pending = true
    this.#resolve?.()
  }

  /** Resolves at the next notification, after `timeoutMs`, or when the signal aborts, whichever comes first. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#pending && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs)
        this.#resolve = () => {
          clearTimeout(timer)
          resolve()
        }
        signal.addEventListener('abort', this.#end, { once: true })
      })
      signal.removeEventListener('abort', this.#end)
      this.#resolve = undefined
    }
    this.#pending = false
  }

  readonly #end = (): void => this.#resolve?.()
}
