import { toInstant } from '../map/time.ts'
import type { StateRows } from './rows.ts'

/**
 * Milliseconds from the moment of the rows until something changes by the clock alone: a delayed log-off runs out, a
 * reservation or an outage begins or ends. Undefined when nothing does.
 */
export function nextMoment({ now, usages = [], reservations = [], outages = [] }: StateRows): number | undefined {
  const present = millisecondsOf(now)
  if (present === undefined) return undefined
  const times = [
    ...usages.map(({ end }) => end),
    ...reservations.flatMap(({ start, end }) => [start, end]),
    ...outages.flatMap(({ start, end }) => [start, end]),
  ]
  const ahead = times
    .map((time) => millisecondsOf(time))
    .filter((time): time is number => time !== undefined && time > present)
  return ahead.length === 0 ? undefined : Math.min(...ahead) - present
}

function millisecondsOf(time: string | null): number | undefined {
  const instant = toInstant(time)
  return instant === null ? undefined : instant.seconds * 1_000 + instant.micros / 1_000
}
