import type { Lanes } from './lanes.ts'

/** Entries in flight that can move. What stands still behind a refused message comes on top, or it would starve the others. */
const IN_FLIGHT = 1_000
/** And what they take, in bytes, the last one not counted: a thousand long problem reports would fill the memory. */
const IN_FLIGHT_BYTES = 16_000_000
/** All of it together, what stands still included. */
const MOST_IN_FLIGHT = 10_000
const MOST_IN_FLIGHT_BYTES = 32_000_000

/** How much more may be taken from the queue. */
export interface Room {
  /** Entries. */
  readonly room: number
  readonly roomBytes: number
}

/** Nothing is taken while there is no link. */
export const NO_ROOM: Room = { room: 0, roomBytes: 0 }

/** What fits beside what is in flight, entries that cannot be read included. */
export function roomFor(lanes: Lanes, unreadable: { readonly entries: number; readonly bytes: number }): Room {
  const { messages, bytes } = lanes.held
  const most = Math.min(MOST_IN_FLIGHT, IN_FLIGHT + messages + unreadable.entries)
  const mostBytes = Math.min(MOST_IN_FLIGHT_BYTES, IN_FLIGHT_BYTES + bytes + unreadable.bytes)
  return {
    room: Math.max(0, most - lanes.size - unreadable.entries),
    roomBytes: Math.max(0, mostBytes - lanes.bytes - unreadable.bytes),
  }
}
