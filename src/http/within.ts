import { AppError } from '../errors.ts'

/** Pages wait 10 s for an answer; the service says sooner that somebody else is silent. In milliseconds. */
const LONGEST_MS = 9_000

/** How long PostgreSQL may take when somebody waits at a page. */
export const AT_A_PAGE = { connectMs: 4_000, answerMs: 6_000 } as const

/**
 * The result of some work, if it comes while somebody still waits for it.
 *
 * @throws AppError with this code when it does not, and what the work throws
 */
export async function inTime<T>(work: Promise<T>, code: 'NEMO_MQTT_ERR_DATABASE' | 'NEMO_MQTT_ERR_REDIS'): Promise<T> {
  const who = code === 'NEMO_MQTT_ERR_REDIS' ? 'Redis' : 'PostgreSQL'
  work.catch(() => undefined) // it may fail after it was given up
  return await new Promise<T>((resolve, reject) => {
    const late = new AppError(code, `${who} did not answer within ${LONGEST_MS / 1_000} s`, {
      hint: 'load the page again: a change that was asked for may have been made all the same',
    })
    const timer = setTimeout(() => reject(late), LONGEST_MS)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
