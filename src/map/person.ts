/** The columns of `NEMO_user` that name a person; null where a column cannot be read. */
export interface PersonNames {
  readonly username: string | null
  readonly firstName: string | null
  readonly lastName: string | null
}

/** A person as events name them. */
export interface Person extends PersonNames {
  /** The one string for `user_name` and `operator_name`. */
  readonly shown: string | null
}

/**
 * How people are named: `first_last` Ada Lovelace, `first_last_username` Ada Lovelace (ada), `initials` A. L.,
 * `none` not at all. The last two exist for privacy, so they also leave the separate name fields null.
 */
export type NameFormat = 'first_last' | 'first_last_username' | 'initials' | 'none'

/** Nobody: the person is unknown, or names are not wanted. */
export const NOBODY: Person = { shown: null, username: null, firstName: null, lastName: null }

/**
 * Names a person in the laboratory's format.
 *
 * @see NEMO `User.get_full_name()`, the same since 4.7.1, which `first_last_username` follows to the letter
 */
export function namePerson(names: PersonNames, format: NameFormat): Person {
  const first = names.firstName ?? ''
  const last = names.lastName ?? ''
  switch (format) {
    case 'first_last':
      return { ...names, shown: joined(first, last) ?? names.username }
    case 'first_last_username':
      return { ...names, shown: `${first} ${last} (${names.username ?? ''})` }
    case 'initials':
      return { ...NOBODY, shown: joined(initial(first), initial(last)) }
    case 'none':
      return NOBODY
  }
}

function joined(first: string, last: string): string | null {
  const shown = `${first} ${last}`.trim()
  return shown === '' ? null : shown
}

function initial(name: string): string {
  const letter = name.trim().normalize('NFC').codePointAt(0)
  return letter === undefined ? '' : `${String.fromCodePoint(letter)}.`
}
