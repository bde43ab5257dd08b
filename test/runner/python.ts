import { spawnSync } from 'node:child_process'
import { findProgram } from '../../lab/programs.ts'

const COMMAND = ['apt-get', '-q', 'install', '-y', '--no-install-recommends', 'python3', 'python3-venv'] as const

/**
 * Makes sure that Python can make virtual environments: every release of NEMO runs in one of its own. Debian brings
 * Python and that ability in two packages, which root gets installed.
 *
 * @throws Error with the command that installs them
 */
export function requirePython(): void {
  if (canMakeEnvironments()) return
  const [program, ...arguments_] = COMMAND
  if (process.getuid?.() === 0 && findProgram(program) !== undefined) {
    process.stderr.write('installing python3, python3-venv ...\n')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const isInstalled = (): boolean => spawnSync(program, arguments_, { env, stdio: 'ignore' }).status === 0
    if (!isInstalled()) spawnSync(program, ['-q', 'update'], { env, stdio: 'ignore' })
    if (isInstalled() && canMakeEnvironments()) return
  }
  throw new Error(`missing: python3 with venv. On Debian or Ubuntu install with\n  sudo ${COMMAND.join(' ')}`)
}

function canMakeEnvironments(): boolean {
  return spawnSync('python3', ['-c', 'import venv, ensurepip'], { stdio: 'ignore' }).status === 0
}
