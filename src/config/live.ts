import type { Settings } from './settings.ts'

/** Told when the settings in force have changed. */
export type OnChange = (now: Settings, before: Settings) => void

/**
 * The settings in force, which can be replaced while the service runs. A stage asks for {@link LiveSettings.current}
 * each time it needs one, or subscribes when it must act on a change.
 */
export class LiveSettings {
  readonly #listeners = new Set<OnChange>()
  #current: Settings
  #paused: string | undefined

  /** @param initial the settings of the machine, until the rest is known */
  constructor(initial: Settings) {
    this.#current = initial
  }

  /** The settings in force; while {@link LiveSettings.paused}, the last ones. */
  get current(): Settings {
    return this.#current
  }

  /** Why nothing may be sent or queued at present; undefined when the settings can be used. */
  get paused(): string | undefined {
    return this.#paused
  }

  /** Puts other settings in force, at once and for everybody. */
  replace(settings: Settings): void {
    const before = this.#current
    this.#current = settings
    this.#paused = undefined
    this.#tell(before)
  }

  /** Nothing may be sent until there are other settings. */
  pause(why: string): void {
    this.#paused = why
    this.#tell(this.#current)
  }

  /** Tells of each change, until the function that it returns is called. */
  subscribe(listener: OnChange): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(before: Settings): void {
    for (const listener of this.#listeners) listener(this.#current, before)
  }
}
