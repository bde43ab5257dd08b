import { readFileSync } from 'node:fs'

/**
 * The processes that a process started, and those that these started. PostgreSQL's own children each lead a session of
 * their own, so no process group reaches them.
 *
 * @see proc(5), `/proc/pid/task/tid/children`: complete only while the parent does not run, so stop it first
 */
export function childPids(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return children.flatMap((child) => [child, ...childPids(child)])
}

/** Whether a process has ended; a dead one that nobody has collected yet has. */
export function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return true
  }
  // The name in brackets may itself hold brackets; the state is the letter after the last one.
  return /.*\) [ZX]/s.test(read(`/proc/${pid}/stat`))
}

/** Sends a signal to a process that may have ended already. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // the process is gone, or the system has no /proc: then only the child itself can be reached
  }
}
