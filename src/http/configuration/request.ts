import type { Context } from 'hono'
import type { Edit } from '../../config/edit.ts'
import type { Web } from '../access/visitor.ts'
import { BadRequest } from '../error-answer.ts'

/** Settings that one request may change; there are not half as many. */
const MOST_NAMES = 200

/** The body of a request, an object of JSON. @throws BadRequest */
export async function bodyOf(context: Context<Web>): Promise<Record<string, unknown>> {
  const body: unknown = await context.req.json().catch(() => undefined)
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  throw new BadRequest('the body is no JSON object')
}

/** The edit in a body: `set`, an object of texts, numbers and truth values, and `unset`, a list of names. @throws BadRequest */
export function editOf({ set = {}, unset = [] }: Record<string, unknown>): Edit {
  if (typeof set !== 'object' || set === null || Array.isArray(set)) throw new BadRequest('set: is no object')
  const values = Object.entries(set as Record<string, unknown>)
  const wrong = values.find(([, value]) => !['string', 'number', 'boolean'].includes(typeof value))
  if (wrong !== undefined) throw new BadRequest(`set.${wrong[0]}: is no text, number or truth value`)
  if (!Array.isArray(unset) || unset.some((name) => typeof name !== 'string')) {
    throw new BadRequest('unset: is no list of names')
  }
  if (values.length + unset.length > MOST_NAMES) throw new BadRequest(`more than ${MOST_NAMES} settings at once`)
  return { set: Object.fromEntries(values), unset: unset as string[] }
}

/** A text in a body; undefined when it is not there. @throws BadRequest when it is something else, or too long */
export function textOf(body: Record<string, unknown>, name: string, longest = 1_000): string | undefined {
  const value = body[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value.length > longest) throw new BadRequest(`${name}: is no text, or too long`)
  return value
}

/** The number of a change of the history. @throws BadRequest */
export function changeNumber(text: string | undefined): string {
  if (text !== undefined && /^\d{1,18}$/.test(text)) return text
  throw new BadRequest(`${JSON.stringify(text ?? '')} is no number of a change`)
}
