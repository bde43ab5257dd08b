import { signal } from '@preact/signals'

/** Durations tick so often, in milliseconds; they are told in minutes. */
const TICK_MS = 1_000
/** What the clock of the laboratory is ahead of this browser's, in milliseconds. */
let aheadMs = 0

/** The time in the laboratory, in whole minutes since 1970. */
export const minute = signal(minutesOf(Date.now()))

setInterval(tick, TICK_MS)

/** Sets the clock by what the database says: that of a screen on the wall may be wrong. */
export function setClock(time: string | null): void {
  if (time !== null) aheadMs = Date.parse(time) - Date.now()
  tick()
}

/** The time in the laboratory, in milliseconds since 1970. */
export function now(): number {
  return Date.now() + aheadMs
}

function tick(): void {
  minute.value = minutesOf(now())
}

function minutesOf(ms: number): number {
  return Math.floor(ms / 60_000)
}
