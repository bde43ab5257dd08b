import type { EventBody } from '../event.ts'

/** A message whose words are the laboratory's own, of which the contract knows nothing. */
export interface CustomBody {
  readonly event: 'custom'
  /** What it calls itself: its own field `event`; null without one. */
  readonly name: string | null
  /** When it was emitted, as {@link EventBody}. */
  readonly timestamp: string
  /** What is sent, as JSON text; an object gets its `event_id` behind it. */
  readonly json: string
}

/** One event that a change became, with where it goes. */
export interface MappedEvent {
  /** Topic below the prefix, such as `tools/5/start`. */
  readonly topic: string
  /** Events of one entity are delivered in order: the first two levels of the topic, such as `tools/5`. */
  readonly entity: string
  readonly body: EventBody | CustomBody
}
