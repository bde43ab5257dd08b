import { type NameFormat, namePerson } from '../map/person.ts'
import type { UserRow } from './rows.ts'

/** Gives the name of a person by id, in the laboratory's format; null when unknown or not wanted. */
export type NameOf = (id: string | null) => string | null

/** Names people. */
export function namesOf(users: readonly UserRow[] | undefined, format: NameFormat): NameOf {
  const byId = new Map(users?.map((user) => [user.id, user]))
  return (id) => {
    const user = id === null ? undefined : byId.get(id)
    if (user === undefined) return null
    return namePerson({ username: user.username, firstName: user.first_name, lastName: user.last_name }, format).shown
  }
}
