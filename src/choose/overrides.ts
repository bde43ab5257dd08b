import type { EventName } from '../event.ts'
import { eventsLike, unknownEvent } from './event-patterns.ts'
import { Template } from './template.ts'

/** The one event that keeps its topic: it is about no tool, area or person, and stands beside the service's own. */
export const KEEPS_ITS_TOPIC: EventName = 'table_truncated'

/** The templates of the events that have one of their own. */
export type Overrides = ReadonlyMap<EventName, Template>

/** Reads lines, or parts with `;` between them, of the form `event = template`; of two for one event the first counts. */
export function readOverrides(text: string, prefix: string): Overrides | { readonly problem: string } {
  const found = new Map<EventName, Template>()
  const problems: string[] = []
  for (const part of text.split(/[;\r\n]/).map((one) => one.trim())) {
    if (part === '') continue
    const [pattern = '', ...rest] = part.split('=')
    const events = eventsLike(pattern.trim()).filter((event) => event !== KEEPS_ITS_TOPIC)
    const template = Template.read(rest.join('='), prefix)
    const problem =
      rest.length === 0 || pattern.trim() === ''
        ? 'is not of the form event = template'
        : (unknownEvent(pattern.trim()) ??
          uselessOn(events, found) ??
          ('problem' in template ? template.problem : undefined))
    if (problem !== undefined) problems.push(`${JSON.stringify(part)}: ${problem}`)
    else if (!('problem' in template)) for (const event of events) if (!found.has(event)) found.set(event, template)
  }
  return problems.length > 0 ? { problem: problems.join('; ') } : found
}

function uselessOn(events: readonly EventName[], found: Overrides): string | undefined {
  if (events.length === 0) return `${KEEPS_ITS_TOPIC} keeps its topic, bridge/truncated below the prefix`
  return events.every((event) => found.has(event)) ? 'is never used: what stands before it has all of these' : undefined
}
