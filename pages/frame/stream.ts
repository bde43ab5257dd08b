import { signal } from '@preact/signals'
import { type ApiError, ask } from './api.ts'
import { pageData } from './page-data.ts'

/** Without a word for so long, a stream counts as dead, in milliseconds; the service speaks every 15 s at least. */
const SILENT_MS = 20_000
/** The first word comes at once, or within this time, in milliseconds. */
const FIRST_WORD_MS = 8_000
const AGAIN_MS = 1_000
const AGAIN_AT_MOST_MS = 10_000

/** Whether what the page shows is live. */
export type StreamState =
  | { readonly is: 'connecting' | 'live' | 'paused' }
  | { readonly is: 'lost'; readonly why: string }

/** Told of what arrives, by the name of the event. */
export type Handlers = Readonly<Record<string, (data: never) => void>>

/** Server-sent events that come back by themselves, with a reason for people while they are away. */
export class LiveStream {
  readonly state = signal<StreamState>({ is: 'connecting' })
  readonly #path: string
  readonly #handlers: Handlers
  readonly #silentMs: number
  #source: EventSource | undefined
  #timer: number | undefined
  #againMs = AGAIN_MS

  /**
   * @param path below `/mqtt/api/`
   * @param silentMs without a word for so long it counts as dead; less than 20 s for a stream that speaks more often
   */
  constructor(path: string, handlers: Handlers, silentMs = SILENT_MS) {
    this.#path = path
    this.#silentMs = silentMs
    this.#handlers = handlers
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible' && this.state.value.is === 'lost') this.open()
    })
  }

  /** Connects, also after {@link pause}. */
  open(): void {
    this.#close()
    if (this.state.value.is === 'paused') this.state.value = { is: 'connecting' }
    const source = new EventSource(`${pageData.prefix}/mqtt/api/${this.#path}`)
    this.#source = source
    this.#expect(FIRST_WORD_MS)
    source.addEventListener('error', () => void this.#lost(source))
    source.addEventListener('alive', () => this.#alive())
    for (const [name, handle] of Object.entries(this.#handlers)) {
      source.addEventListener(name, (event) => {
        const data = parsed((event as MessageEvent<string>).data)
        if (data === undefined) void this.#lost(source, 'What arrives is not from this service: is a proxy in between?')
        else if (source === this.#source) {
          this.#alive()
          handle(data as never)
        }
      })
    }
  }

  /** Disconnects on the visitor's wish. */
  pause(): void {
    this.#close()
    this.state.value = { is: 'paused' }
  }

  #alive(): void {
    this.#againMs = AGAIN_MS
    if (this.state.value.is !== 'live') this.state.value = { is: 'live' }
    this.#expect(this.#silentMs)
  }

  #expect(ms: number): void {
    clearTimeout(this.#timer)
    const source = this.#source
    const why = `Nothing was heard from the service for ${ms / 1_000} s.`
    this.#timer = window.setTimeout(() => void this.#lost(source, why), ms)
  }

  async #lost(source: EventSource | undefined, why = 'The connection to the service was lost.'): Promise<void> {
    if (source !== this.#source) return
    this.#close()
    this.state.value = { is: 'lost', why }
    const pause = this.#againMs
    this.#againMs = Math.min(AGAIN_AT_MOST_MS, pause * 2)
    this.#timer = window.setTimeout(() => this.open(), pause)
    try {
      await ask('visitor') // EventSource does not tell why
    } catch (error) {
      if (this.state.value.is === 'lost') this.state.value = { is: 'lost', why: (error as ApiError).message }
    }
  }

  #close(): void {
    clearTimeout(this.#timer)
    this.#source?.close()
    this.#source = undefined
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // JSON has no such value: it says that this is none
  }
}
