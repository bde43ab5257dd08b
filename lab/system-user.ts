import { chownSync, readFileSync } from 'node:fs'

/** Numbers of a user that a program can be started as. */
export interface SystemUser {
  uid: number
  gid: number
}

/**
 * Who PostgreSQL runs as: it refuses root, so root starts it as `postgres` or, where nobody made that user, as `nobody`.
 *
 * @returns undefined when this process is not root: then PostgreSQL runs as this user
 */
export function unprivilegedUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('PostgreSQL refuses to run as root, and this system has neither a user postgres nor nobody')
}

/** Gives a folder to the user who will work in it. */
export function giveTo(folder: string, user: SystemUser | undefined): void {
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
}
