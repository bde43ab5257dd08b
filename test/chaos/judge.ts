import type { ReceivedMessage } from '../../lab/subscriber.ts'

/** A message that arrived, as far as it is judged. */
export type Arrival = Pick<ReceivedMessage, 'topic' | 'payload' | 'receivedAt'>

/** What a subscriber got, held against what was committed. */
export interface Verdict {
  /** Everything that is wrong, in words; at most a few of each kind. */
  readonly faults: readonly string[]
  /** Messages that came more than once, counted with each repeat. */
  readonly repeats: number
  /** Different messages. */
  readonly events: number
}

interface Payload {
  readonly event: string
  readonly event_id: string
  readonly usage_id?: number
  readonly category?: string
  readonly title?: string
  readonly problem_description?: string
}

const SHOWN = 5

/**
 * Judges what arrived.
 *
 * - every committed change arrived, and nothing else did
 * - the first arrivals of an entity have the order of its commits
 * - a repeat has the `event_id` and the payload of the first arrival
 * - a repeat goes on to the newest: after an old message come all later ones of its entity again, so that a display
 *   which shows the last message it got is right in the end
 */
export function judge(
  expected: ReadonlyMap<string, readonly string[]>,
  messages: readonly Arrival[],
  whenWas: (receivedAt: number) => string,
): Verdict {
  const faults = new Faults()
  const firstByEventId = new Map<string, string>()
  const tokenOfChange = new Map<string, string>()
  const placeOf = new Map([...expected].map(([entity, keys]) => [entity, new Map(keys.map((key, n) => [key, n]))]))
  const lastPlace = new Map<string, number>()
  const furthest = new Map<string, number>()
  let repeats = 0

  for (const { topic, payload, receivedAt } of messages) {
    const entity = topic.split('/').slice(1, 3).join('/')
    const read = JSON.parse(payload) as Payload
    const key = keyOf(read, tokenOfChange)
    const first = firstByEventId.get(read.event_id)
    if (first === undefined) firstByEventId.set(read.event_id, payload)
    else if (first !== payload) faults.add('a repeat differs', `${read.event_id}: ${first} and then ${payload}`)
    const place = placeOf.get(entity)?.get(key)
    if (place === undefined) {
      faults.add('was never committed', `${topic} ${payload}`)
      continue
    }
    const far = furthest.get(entity) ?? -1
    const last = lastPlace.get(entity) ?? -1
    if (first !== undefined) repeats += 1
    else if (place <= far)
      faults.add('came twice with another event_id, or late', `${entity} ${key} after place ${far}`)
    const when = whenWas(receivedAt)
    if (place > far + 1) faults.add('was overtaken', `${entity}: place ${far + 1} by ${place} (${key}) ${when}`)
    else if (place > last + 1) {
      faults.add('a repeat broke off', `${entity}: after place ${last} came ${place} (${key}) ${when}`)
    }
    lastPlace.set(entity, place)
    furthest.set(entity, Math.max(far, place))
  }
  for (const [entity, keys] of expected) {
    const far = furthest.get(entity) ?? -1
    for (const key of keys.slice(far + 1)) faults.add('never arrived', `${entity} ${key}`)
    if ((lastPlace.get(entity) ?? -1) !== keys.length - 1) {
      faults.add(
        'the last message is not the newest',
        `${entity}: ${keys[lastPlace.get(entity) ?? -1]} of ${keys.at(-1)}`,
      )
    }
  }
  return { faults: faults.shown(), repeats, events: firstByEventId.size }
}

// A message that says nothing of its own (enabled, disabled) is known by the first message of its change.
function keyOf(payload: Payload, tokenOfChange: Map<string, string>): string {
  const change = payload.event_id.slice(0, payload.event_id.lastIndexOf('-'))
  const token = payload.usage_id ?? payload.title ?? payload.problem_description ?? payload.category
  if (token !== undefined) tokenOfChange.set(change, String(token))
  return `${payload.event} ${token ?? tokenOfChange.get(change)}`
}

class Faults {
  readonly #found = new Map<string, string[]>()

  add(kind: string, what: string): void {
    this.#found.set(kind, [...(this.#found.get(kind) ?? []), what])
  }

  shown(): string[] {
    return [...this.#found].flatMap(([kind, all]) => [
      ...all.slice(0, SHOWN).map((what) => `${kind}: ${what}`),
      ...(all.length > SHOWN ? [`${kind}: ${all.length - SHOWN} more`] : []),
    ])
  }
}
