import type { EventBody, EventName } from '../event.ts'
import { EVENT_NAMES, unknownEvent } from './event-patterns.ts'
import { Filter } from './filter.ts'

/** Events that are about what one person does, and of use to few: nobody gets them unless a laboratory wants it. */
const PERSONAL_EVENTS: ReadonlySet<EventName> = new Set(
  EVENT_NAMES.filter((name) => /^(wait_list|consumable|user)_/.test(name)),
)

/** Events that are personal when they name a user: an alert may be for one person alone. */
const FOR_ONE: ReadonlySet<EventName> = new Set(EVENT_NAMES.filter((name) => name.startsWith('alert_')))

/** The events that a laboratory has switched on; nothing for an empty text. */
export function readPersonalEvents(text: string): ReadonlySet<EventName> | { readonly problem: string } {
  if (text.trim() === '') return new Set()
  const filter = Filter.read(text)
  if ('problem' in filter) return filter
  const unknown = filter.names.flatMap((name) => unknownEvent(name) ?? useless(name) ?? [])
  if (unknown.length > 0) return { problem: unknown.join('; ') }
  return new Set(EVENT_NAMES.filter((name) => filter.leftOutBy({ id: null, name }) === undefined))
}

/** Why an event is not sent because it is personal; undefined when it is not, or is switched on. */
export function whyPersonal(body: EventBody, switchedOn: ReadonlySet<EventName>): string | undefined {
  const isPersonal =
    PERSONAL_EVENTS.has(body.event) || (FOR_ONE.has(body.event) && 'user_id' in body && body.user_id !== null)
  if (!isPersonal || switchedOn.has(body.event)) return undefined
  return `left out because it is personal, and personal_events does not switch ${body.event} on`
}

function useless(pattern: string): string | undefined {
  const filter = Filter.read(pattern)
  const fits = (name: EventName) => !('problem' in filter) && filter.leftOutBy({ id: null, name }) === undefined
  if ([...PERSONAL_EVENTS, ...FOR_ONE].some(fits)) return undefined
  return `${pattern} is no personal event: it is sent anyway`
}
