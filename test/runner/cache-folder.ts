import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../../lab/programs.ts'

/** The folder that keeps things from one run to the next, made where it is missing. */
export function cacheFolder(): string {
  // Root's own folder is closed to the user whom PostgreSQL then runs as.
  const parent = process.getuid?.() === 0 ? '/var/cache' : (process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'))
  const folder = join(parent, 'nemo-mqtt')
  mkdirSync(folder, { recursive: true })
  return folder
}

/**
 * Takes a lock that ends with this process, however it ends: the kernel holds it, so none is ever left over.
 *
 * @param isPatient - waits until another process gives it back
 * @returns a function that gives it back; undefined when another process has it or this system knows no `flock`
 */
export async function takeLock(file: string, isPatient = false): Promise<(() => void) | undefined> {
  const flock = findProgram('flock')
  if (flock === undefined) return undefined
  // `cat` ends when our end of its input is closed, be it by our death.
  const patience = isPatient ? [] : ['--nonblock']
  const holder = spawn(flock, [...patience, file, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true, // Ctrl-C must not end it before the server that it protects
  })
  const isHeld = await Promise.race([
    once(holder.stdout, 'data').then(() => true),
    once(holder, 'close').then(() => false),
  ])
  if (!isHeld) return undefined
  holder.stdout.destroy()
  holder.unref()
  return () => holder.stdin.destroy()
}
