import { stringify } from 'lossless-json'
import type { EventBody } from '../event.ts'
import { parseRow } from '../map/row.ts'

/**
 * Keys whose values name a person, or are text that people write and in which names stand: projects are often called
 * after people. The keys stay, as the contract demands.
 */
export const PERSONAL: ReadonlySet<string> = new Set([
  'user_id',
  'user_name',
  'operator_id',
  'operator_name',
  'merchant_id',
  'merchant_name',
  'username',
  'first_name',
  'last_name',
  'project_name',
  'title',
  'problem_description',
  'problem_title',
  'details',
  'contents',
  'restriction_message',
])

/** The same for the text of a payload; one that is no JSON object stays what it is. */
export function withoutPeopleIn(payload: string): string {
  let fields: Record<string, unknown>
  try {
    fields = parseRow(payload)
  } catch {
    return payload // the words of another program: nobody can say what in them is personal
  }
  for (const key of Object.keys(fields)) if (PERSONAL.has(key)) fields[key] = null
  return String(stringify(fields))
}

/** The event without anything that tells of a person; the same object when it has nothing of the kind. */
export function withoutPeople(body: EventBody): EventBody {
  if (!Object.keys(body).some((key) => PERSONAL.has(key))) return body
  const entries = Object.entries(body).map(([key, value]) => [key, PERSONAL.has(key) ? null : value])
  return Object.fromEntries(entries) as EventBody
}
