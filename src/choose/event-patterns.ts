import { EVENTS, type EventName } from '../event.ts'
import { nearest } from '../nearest.ts'
import { fits } from './wildcard.ts'

/** The names of all events, in the order of the contract. */
export const EVENT_NAMES = Object.keys(EVENTS) as readonly EventName[]

/** The events whose names fit a pattern. */
export function eventsLike(pattern: string): EventName[] {
  return EVENT_NAMES.filter((name) => fits(pattern, name))
}

/** What is wrong with a pattern that no event fits; undefined when one does. */
export function unknownEvent(pattern: string): string | undefined {
  if (eventsLike(pattern).length > 0) return undefined
  const near = nearest(pattern.toLowerCase().replaceAll('*', ''), EVENT_NAMES)
  const what = pattern.includes('*') ? `no event is named like ${pattern}` : `there is no event ${pattern}`
  return near === undefined ? what : `${what}; do you mean ${near}?`
}
