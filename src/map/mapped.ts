import type { EventBody } from '../event.ts'

/** One event that a change became, with where it goes. */
export interface MappedEvent {
  /** Topic below the prefix, such as `tools/5/start`. */
  readonly topic: string
  /** Events of one entity are delivered in order: the first two levels of the topic, such as `tools/5`. */
  readonly entity: string
  readonly body: EventBody
}
