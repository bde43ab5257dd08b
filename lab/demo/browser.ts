import { spawn } from 'node:child_process'
import { findProgram } from '../programs.ts'

/** Opens a page for whoever sits at a screen; does nothing where there is none, or nobody. */
export function openInBrowser(url: string): void {
  const hasScreen = process.platform === 'darwin' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
  const program = findProgram(process.platform === 'darwin' ? 'open' : 'xdg-open')
  if (!hasScreen || program === undefined || !process.stdout.isTTY) return
  const opener = spawn(program, [url], { stdio: 'ignore', detached: true })
  opener.on('error', () => undefined) // the address stands on the terminal
  opener.unref()
}
