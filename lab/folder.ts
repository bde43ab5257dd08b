import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeExit } from './leftovers.ts'

/**
 * Makes a temporary folder that is gone when this process ends. Everyone may look into it, because PostgreSQL, started
 * by root, runs as somebody else.
 */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(temporaryRoot(), `nemo-mqtt-${name}-`))
  chmodSync(folder, 0o755)
  beforeExit(() => removeFolder(folder))
  return folder
}

/** Removes a folder with all it holds. */
export function removeFolder(folder: string): void {
  // A server that was killed a moment ago may still be writing its last file.
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
}

/** TMPDIR may lie inside a private folder, where another user cannot go. */
function temporaryRoot(): string {
  return process.getuid?.() === 0 && !isOpenToAll(tmpdir()) ? '/tmp' : tmpdir()
}

function isOpenToAll(folder: string): boolean {
  const isOpen = (statSync(folder).mode & 0o001) !== 0
  return isOpen && (dirname(folder) === folder || isOpenToAll(dirname(folder)))
}
