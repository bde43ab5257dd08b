import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds package.json and sql/, found from where this file runs, compiled or not. */
export const PACKAGE_ROOT = fileURLToPath(new URL(import.meta.url.includes('/dist/') ? '../..' : '..', import.meta.url))

/** The folder of the two programs as they are built and shipped. */
export const PROGRAMS = join(PACKAGE_ROOT, 'dist', 'bin')

const { version: VERSION } = JSON.parse(readFileSync(`${PACKAGE_ROOT}/package.json`, 'utf8')) as { version: string }

/** The version of this package. */
export function version(): string {
  return VERSION
}
