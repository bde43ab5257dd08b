import type { EditRequest, Field, Opened, Value } from '../../src/http/wire/configuration.ts'

/** Nothing is changed. */
export const NO_EDIT: EditRequest = { set: {}, unset: [] }

/** How many settings an edit changes. */
export function countOf({ set, unset }: EditRequest): number {
  return Object.keys(set).length + unset.length
}

/** Whether an edit changes this setting. */
export function touches({ set, unset }: EditRequest, name: string): boolean {
  return Object.hasOwn(set, name) || unset.includes(name)
}

/** What the form shows for a setting; undefined when nothing is stored and nothing was written. */
export function shownValue({ set, unset }: EditRequest, { values }: Opened, name: string): Value | undefined {
  if (Object.hasOwn(set, name)) return set[name]
  return unset.includes(name) ? undefined : values[name]
}

/**
 * The edit after somebody has given a setting a value. Nothing, or the default where one can only choose, takes the
 * setting out; what is stored already is no change.
 */
export function withValue(edit: EditRequest, { values }: Opened, field: Field, given: Value): EditRequest {
  const { name, kind, fallback } = field
  const stored = values[name]
  const rest = without(edit, name)
  if (String(given) === String(stored)) return rest
  const isChoice = kind === 'boolean' || kind === 'choice'
  if (given === '' || (isChoice && given === fallback)) {
    return stored === undefined ? rest : { ...rest, unset: [...rest.unset, name] }
  }
  return { ...rest, set: { ...rest.set, [name]: given } }
}

/** The edit after somebody has written a secret; an empty one keeps what is stored. */
export function withSecret(edit: EditRequest, name: string, given: string): EditRequest {
  const rest = without(edit, name)
  return given === '' ? rest : { ...rest, set: { ...rest.set, [name]: given } }
}

/** The edit that takes a stored setting out. */
export function withClear(edit: EditRequest, name: string): EditRequest {
  const rest = without(edit, name)
  return { ...rest, unset: [...rest.unset, name] }
}

/** What was written after an edit was sent, as an edit of what the service then stores. */
export function writtenSince(sent: EditRequest, now: EditRequest, before: Opened): EditRequest {
  const names = [sent, now].flatMap(({ set, unset }) => [...Object.keys(set), ...unset])
  let edit = NO_EDIT
  for (const name of new Set(names)) {
    const value = shownValue(now, before, name)
    if (value === shownValue(sent, before, name)) continue
    if (value === undefined) edit = withClear(edit, name)
    else edit = { ...edit, set: { ...edit.set, [name]: value } }
  }
  return edit
}

/** The edit that leaves a setting as it is stored. */
export function without({ set, unset }: EditRequest, name: string): EditRequest {
  const kept = Object.entries(set).filter(([other]) => other !== name)
  return { set: Object.fromEntries(kept), unset: unset.filter((other) => other !== name) }
}
