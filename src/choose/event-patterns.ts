import { EVENTS, type EventName } from '../event.ts'
import { nearest } from '../nearest.ts'
import { fits } from './wildcard.ts'

/** The names of all events, in the order of the contract. */
export const EVENT_NAMES = Object.keys(EVENTS) as readonly EventName[]

/** What the event filter calls messages of the laboratory's own: `custom`, or `custom:door_opened` by their field `event`. */
export const CUSTOM = 'custom'

/** The names that an event filter is asked about, as far as they are known before. */
export const FILTERED_NAMES: readonly string[] = [...EVENT_NAMES, CUSTOM]

/** What is wrong with a pattern in an event filter; undefined when something fits, or could. */
export function unknownInFilter(pattern: string): string | undefined {
  if (pattern === CUSTOM || pattern.startsWith(`${CUSTOM}:`)) return undefined
  return unknownEvent(pattern)
}

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
