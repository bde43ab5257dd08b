import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { findProgram } from './programs.ts'

/** The programs that the lab starts or calls, and files that some of them need, and the Debian package that brings each. */
const PACKAGES = {
  'redis-server': 'redis-server',
  postgres: 'postgresql',
  initdb: 'postgresql',
  psql: 'postgresql-client',
  mosquitto: 'mosquitto',
  mosquitto_passwd: 'mosquitto',
  mosquitto_sub: 'mosquitto-clients',
  mosquitto_pub: 'mosquitto-clients',
  pgbouncer: 'pgbouncer',
  'systemd-analyze': 'systemd',
  openssl: 'openssl',
  chromium: 'chromium',
  nginx: 'nginx',
  python3: 'python3',
  gcc: 'gcc',
  '/usr/include/stdio.h': 'libc6-dev',
  '/usr/include/cjson/cJSON.h': 'libcjson-dev',
  '/usr/include/mbedtls/md.h': 'libmbedtls-dev',
} as const

/** A program that {@link requirePrograms} knows the package of. */
export type ProgramName = keyof typeof PACKAGES

/**
 * Installs packages and keeps their daemons from starting: the lab starts its own, and a stranger's Redis that appears
 * on port 6379 is not what anybody asked for. Runs to its end even when the lab is stopped meanwhile, because a
 * half-configured package is worse than one too many. Two labs at once take turns.
 */
const INSTALL = `set -eu
trap '' HUP INT TERM
policy=$1; lock=$2; shift 2
exec 9>"$lock"
flock 9
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"; }
install "$@" || { apt-get -q update && install "$@"; }
`

/** What can be told apart in a test: where to look, who we are, and where Debian asks whether a daemon may start. */
export interface InstallOptions {
  environment?: NodeJS.ProcessEnv
  isRoot?: boolean
  /** @defaultValue `/usr/sbin/policy-rc.d`, see invoke-rc.d(8) */
  policyFile?: string
  /** Held while installing. @defaultValue one in `/run`, where only root can put a file */
  lockFile?: string
}

/**
 * Finds programs and, as root on Debian, installs what is missing.
 *
 * @returns the full path of each, in the order asked for
 * @throws Error naming every missing program, its package and the command that installs it
 */
export function requirePrograms(names: readonly ProgramName[], options: InstallOptions = {}): string[] {
  const { environment = process.env, isRoot = process.getuid?.() === 0 } = options
  const missing = names.filter((name) => find(name, environment) === undefined)
  const packages = [...new Set(missing.map((name) => PACKAGES[name]))]
  let why = ''
  if (missing.length > 0 && isRoot && findProgram('apt-get', environment) !== undefined) {
    process.stderr.write(`installing ${packages.join(', ')} ...\n`)
    const { policyFile = '/usr/sbin/policy-rc.d', lockFile = '/run/nemo-mqtt-install.lock' } = options
    why = install(packages, environment, [policyFile, lockFile])
  }
  return names.map((name) => {
    const path = find(name, environment)
    if (path === undefined) throw missingError(missing, packages, why)
    return path
  })
}

function find(name: ProgramName, environment: NodeJS.ProcessEnv): string | undefined {
  if (name.startsWith('/')) return existsSync(name) ? name : undefined
  return findProgram(name, environment)
}

function install(packages: readonly string[], environment: NodeJS.ProcessEnv, files: readonly string[]): string {
  const run = spawnSync('/bin/sh', ['-c', INSTALL, 'install', ...files, ...packages], {
    env: environment,
    encoding: 'utf8',
  })
  const lastLines = `${run.stdout}${run.stderr}`.trim().split('\n').slice(-5).join('\n  ')
  return run.status === 0 ? '' : `\napt-get failed:\n  ${lastLines}`
}

function missingError(programs: readonly string[], packages: readonly string[], why: string): Error {
  return new Error(
    `missing: ${programs.join(', ')} (not in PATH). On Debian or Ubuntu install with\n` +
      `  sudo apt-get install --no-install-recommends ${packages.join(' ')}${why}`,
  )
}
