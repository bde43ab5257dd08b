import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * Finds a program in PATH, or in the folders where Debian puts servers and which an ordinary user's PATH does not name.
 *
 * @returns its full path, or undefined where there is no such program
 */
export function findProgram(name: string, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return programFolders(environment)
    .map((folder) => join(folder, name))
    .find(isProgram)
}

/** Where {@link findProgram} looks, in this order. `NEMO_LAB_FOLDERS` replaces Debian's folders. */
export function programFolders(environment: NodeJS.ProcessEnv = process.env): string[] {
  const own = environment.NEMO_LAB_FOLDERS
  return [...split(environment.PATH), ...(own === undefined ? debianFolders() : split(own))]
}

function debianFolders(): string[] {
  // /usr/bin is not among them: it is in everybody's PATH, unless somebody took it out on purpose.
  return [...postgresFolders(), '/usr/local/sbin', '/usr/sbin', '/sbin']
}

/** Newest first. Debian links only the client programs into /usr/bin; `postgres` and `initdb` stay here. */
function postgresFolders(): string[] {
  const root = '/usr/lib/postgresql'
  try {
    const versions = readdirSync(root).filter((version) => /^\d+$/.test(version))
    return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(root, version, 'bin'))
  } catch {
    return [] // not Debian, or no PostgreSQL from Debian
  }
}

function split(path: string | undefined): string[] {
  return (path ?? '').split(delimiter).filter((folder) => folder !== '')
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
