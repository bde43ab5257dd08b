import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'

/** How long {@link until} waits, and for what. */
export interface Patience {
  /** After this many milliseconds the wait fails. @defaultValue 10 s */
  deadlineMs?: number
  /** Pause between two looks, in milliseconds. @defaultValue 20 ms */
  everyMs?: number
  /** What is awaited, in words that make sense after "waited for". */
  what: string
}

/** What remains of a type when a condition has come true. */
export type Fulfilled<T> = Exclude<T, undefined | null | false | 0 | ''>

/**
 * Looks at a condition again and again until it is true, and gives its value. A condition that throws counts as not yet
 * true: a server that is still starting refuses connections. It is the only way to wait in the lab and in the tests.
 *
 * @throws Error when the deadline passes: it says what was awaited, for how long and what was seen last
 */
export async function until<T>(condition: () => T | Promise<T>, patience: Patience): Promise<Fulfilled<T>> {
  const { deadlineMs = 10_000, everyMs = 20, what } = patience
  const end = performance.now() + deadlineMs
  let last: unknown = 'nothing yet'
  do {
    const left = Math.max(1, end - performance.now())
    const seen = await look(condition, left)
    if ('value' in seen && seen.value) return seen.value as Fulfilled<T>
    last = 'value' in seen ? seen.value : seen.failure
    await delay(everyMs)
  } while (performance.now() < end)
  const cause = last instanceof Error ? { cause: last } : {}
  throw new Error(`waited ${deadlineMs} ms for ${what}; last seen: ${describe(last)}`, cause)
}

async function look<T>(condition: () => T | Promise<T>, leftMs: number): Promise<{ value: T } | { failure: unknown }> {
  const cut = new AbortController()
  // A condition may hang for ever (a query to a frozen server), and then nobody would ever look at the clock.
  const late = delay(leftMs, { failure: new Error('the last look did not return') }, { signal: cut.signal })
  late.catch(() => undefined) // aborted below, on purpose
  try {
    return await Promise.race([late, Promise.resolve(condition()).then((value) => ({ value }))])
  } catch (failure) {
    return { failure }
  } finally {
    cut.abort()
  }
}

function describe(value: unknown): string {
  return value instanceof Error ? value.message : inspect(value, { depth: 4, breakLength: 120 }).slice(0, 2_000)
}
