import { signal } from '@preact/signals'
import { type ApiError, ask } from './api.ts'
import { pageData } from './page-data.ts'

/** Without a word for so long, a stream counts as dead, in milliseconds; the service speaks every 15 s at least. */
const SILENT_MS = 20_000
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
  #source: EventSource | undefined
  #timer: number | undefined
  #againMs = AGAIN_MS

  /** @param path below `/mqtt/api/` */
  constructor(path: string, handlers: Handlers) {
    this.#path = path
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
    this.#expect()
    source.addEventListener('open', () => this.#alive())
    source.addEventListener('error', () => void this.#lost(source))
    source.addEventListener('alive', () => this.#alive())
    for (const [name, handle] of Object.entries(this.#handlers)) {
      source.addEventListener(name, (event) => {
        this.#alive()
        handle(JSON.parse((event as MessageEvent<string>).data) as never)
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
    this.#expect()
  }

  #expect(): void {
    clearTimeout(this.#timer)
    const { source } = { source: this.#source }
    this.#timer = window.setTimeout(() => void this.#lost(source), SILENT_MS)
  }

  async #lost(source: EventSource | undefined): Promise<void> {
    if (source !== this.#source) return
    this.#close()
    this.state.value = { is: 'lost', why: 'The connection to the service was lost.' }
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
