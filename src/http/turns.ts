import { AppError } from '../errors.ts'
import { Busy } from './error-answer.ts'

/** Pages wait 10 s for an answer; the service says sooner that somebody else is silent. In milliseconds. */
const LONGEST_MS = 9_000
/** Pieces of work at once, each with a connection of its own: NEMO needs those of its server itself. */
const AT_ONCE = 2
/** Pieces of work that wait for their turn. */
const MOST_WAITING = 50

/** How long PostgreSQL may take when somebody waits at a page. */
export const AT_A_PAGE = { connectMs: 4_000, answerMs: 6_000 } as const

/** Work for pages with a server that is not ours: a few pieces at once, the others in turn, and none for long. */
export class Turns {
  readonly #code: 'NEMO_MQTT_ERR_DATABASE' | 'NEMO_MQTT_ERR_REDIS'
  readonly #waiting: Array<() => void> = []
  #running = 0

  /** @param code of the error when the server is silent */
  constructor(code: 'NEMO_MQTT_ERR_DATABASE' | 'NEMO_MQTT_ERR_REDIS') {
    this.#code = code
  }

  /**
   * The result of some work, if it comes while somebody still waits for it. What has not begun by then never begins.
   *
   * @throws Busy, AppError when it takes too long, and what the work throws
   */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length >= MOST_WAITING) throw new Busy('too many ask at once: try again in a moment')
    const late = this.#late()
    let isLate = false
    const turn = async (): Promise<T> => {
      await this.#begin()
      try {
        if (isLate) throw late
        return await work()
      } finally {
        this.#running -= 1
        this.#waiting.shift()?.()
      }
    }
    return await new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        isLate = true
        reject(late)
      }, LONGEST_MS)
      turn()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
  }

  async #begin(): Promise<void> {
    while (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#running += 1
  }

  #late(): AppError {
    const who = this.#code === 'NEMO_MQTT_ERR_REDIS' ? 'Redis' : 'PostgreSQL'
    return new AppError(this.#code, `${who} did not answer within ${LONGEST_MS / 1_000} s`, {
      hint: 'load the page again: a change that was asked for may have been made all the same',
    })
  }
}
