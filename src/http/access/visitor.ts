/** What somebody may do: look, or change things as well. */
export type Role = 'viewer' | 'admin'

/** Who sends a request. */
export interface Visitor {
  readonly role: Role
  /** For people and for the history of configurations. */
  readonly name: string
  /** How we know: on this machine, by a session, by a token in the request, or because a trusted proxy says so. */
  readonly by: 'machine' | 'session' | 'token' | 'proxy'
}

/** What every request carries once it was let in; the parameter of our Hono applications. */
export interface Web {
  Variables: { visitor: Visitor }
}
