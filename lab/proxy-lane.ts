import type { Socket } from 'node:net'

/** Chunks held back before the sender is made to wait, as a full network would. */
const CHUNKS_HELD = 64

/** One direction of a proxied connection. It begins silent. */
export class ProxyLane {
  /** Milliseconds by which a chunk that arrives now is held back. */
  delayMs = 0
  readonly #from: Socket
  readonly #to: Socket
  readonly #tap: (chunk: Buffer) => void
  readonly #waiting: { chunk: Buffer; due: number }[] = []
  #isSilent = true
  #isFull = false
  #hasEnded = false
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, tap: (chunk: Buffer) => void) {
    this.#from = from
    this.#to = to
    this.#tap = tap
    from.pause()
    from.on('data', (chunk: Buffer) => this.#take(chunk))
    from.once('end', () => {
      this.#hasEnded = true
      this.#deliver()
    })
    to.on('drain', () => {
      this.#isFull = false
      this.#deliver()
    })
    to.once('close', () => clearTimeout(this.#timer))
  }

  /** Delivers, beginning with what waited. */
  pass(): void {
    this.#isSilent = false
    this.#deliver()
  }

  /** Delivers nothing and reads nothing: what is sent meanwhile fills the buffers of the two systems. */
  silence(): void {
    this.#isSilent = true
    this.#from.pause()
  }

  #take(chunk: Buffer): void {
    this.#waiting.push({ chunk, due: performance.now() + this.delayMs })
    this.#deliver()
  }

  #deliver(): void {
    clearTimeout(this.#timer)
    if (this.#isSilent || this.#to.destroyed) return
    for (let next = this.#waiting[0]; next !== undefined && !this.#isFull; next = this.#waiting[0]) {
      const early = next.due - performance.now()
      if (early > 0) {
        this.#timer = setTimeout(() => this.#deliver(), Math.ceil(early))
        break
      }
      this.#waiting.shift()
      this.#tap(next.chunk)
      this.#isFull = !this.#to.write(next.chunk)
    }
    if (this.#waiting.length === 0 && this.#hasEnded) this.#to.end()
    else if (this.#waiting.length < CHUNKS_HELD) this.#from.resume()
    else this.#from.pause()
  }
}
