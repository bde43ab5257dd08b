import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { Web } from './access/visitor.ts'

/** Streams at the same time; each costs a socket and a little memory. */
const MOST_STREAMS = 300
/** What waits for a reader who is too slow, in characters; then it is cut off and connects again. */
const MOST_WAITING = 4_000_000
/** Something is sent at least so often, so that proxies and browsers know that we live, in milliseconds. */
const SIGN_OF_LIFE_MS = 15_000
/** An event and no comment: scripts are told of events only. */
const ALIVE = 'event: alive\ndata: 0\n\n'

/** Sends one event to one reader; data is what its page understands, as JSON. */
export type Send = (event: string, data: unknown) => void

/**
 * Streams of server-sent events (HTML Living Standard, section 9.2). Bounded in number and in what waits for a slow
 * reader; whoever vanishes leaves nothing behind.
 */
export class EventStreams {
  #open = 0

  /** How many are open. */
  get open(): number {
    return this.#open
  }

  /**
   * Answers with a stream until the reader leaves.
   *
   * @param begin called once it may send; gives what to do when the reader has left
   */
  answer(context: Context<Web>, begin: (send: Send) => () => void): Response {
    if (this.#open >= MOST_STREAMS) {
      context.header('retry-after', '5')
      return context.text(`${MOST_STREAMS} pages are open already; close some\n`, 503)
    }
    this.#open += 1
    context.header('x-accel-buffering', 'no') // nginx would hold events back
    return streamSSE(context, async (stream) => {
      const waiting: string[] = []
      let characters = 0
      let wake = (): void => undefined
      const send: Send = (event, data) => {
        const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
        characters += text.length
        if (characters > MOST_WAITING) stream.abort()
        else waiting.push(text)
        wake()
      }
      const end = begin(send)
      stream.onAbort(() => wake())
      try {
        while (!stream.aborted && !stream.closed) {
          const texts = waiting.splice(0)
          characters = 0
          // Ends when the reader leaves, too. A race with a promise of his leaving would keep something of every write.
          await stream.write(texts.length === 0 ? ALIVE : texts.join(''))
          if (waiting.length === 0 && !stream.aborted) await turn()
        }
      } finally {
        end()
        this.#open -= 1
      }

      async function turn(): Promise<void> {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, SIGN_OF_LIFE_MS)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        wake = () => undefined
      }
    })
  }
}
