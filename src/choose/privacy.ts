import { stringify } from 'lossless-json'
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

/** The same without anything that tells of a person, at whatever depth; keys stay in their order. */
export function withoutPeople<T extends object>(body: T): T {
  const entries = Object.entries(body).map(([key, value]) => [key, PERSONAL.has(key) ? null : inside(value)])
  return Object.fromEntries(entries) as T
}

/** The same for the text of a payload; one that is no JSON object stays what it is. */
export function withoutPeopleIn(payload: string): string {
  let fields: Readonly<Record<string, unknown>>
  try {
    fields = parseRow(payload)
  } catch {
    return payload // the words of another program: nobody can say what in them is personal
  }
  return String(stringify(withoutPeople(fields)))
}

function inside(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? withoutPeople(value) : value
}
