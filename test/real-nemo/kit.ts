import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../../lab/folder.ts'
import { beforeExit } from '../../lab/leftovers.ts'
import { findProgram } from '../../lab/programs.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'

/** Runs real NEMO releases and holds what arrived against what should have. It is not part of this repository. */
export const KIT = join(PACKAGE_ROOT, '..', 'shared', 'nemo', 'kit')

/** A release of NEMO, as the package index calls it. */
export interface Release {
  readonly package: 'nemo' | 'nemo-ce'
  readonly version: string
}

/** The releases that the tests run: the newest, and those that people still have. */
export const RELEASES = {
  newest: { package: 'nemo', version: '8.1.5' },
  previous: { package: 'nemo', version: '7.4.3' },
  oldest: { package: 'nemo', version: '4.7.1' },
  community: { package: 'nemo-ce', version: '8.1.5' },
} as const satisfies Record<string, Release>

/**
 * Why tests with a real NEMO cannot run here; false when they can.
 *
 * @throws Error where CI is set: there, a test that is skipped proves nothing and nobody would notice
 */
export function reasonToSkip(): string | false {
  if (existsSync(KIT)) return false
  if (process.env.CI) throw new Error(`there is no ${KIT}, which runs real NEMO releases`)
  process.stderr.write(`SKIPPED: no message of a real NEMO was tested, because there is no ${KIT}\n`)
  return `there is no ${KIT}, which runs real NEMO releases`
}

/** How a program of the kit ended and what it said. */
export interface KitRun {
  readonly code: number | NodeJS.Signals
  /** Lines of its standard output; the last one is what most of them are asked for. */
  readonly lines: readonly string[]
  readonly errors: string
}

/**
 * Makes a database with a migrated release and a laboratory in it. The first time on a server it takes half a minute.
 *
 * @returns its URL
 */
export async function nemoDatabase(release: Release, port: number, name: string): Promise<string> {
  const given = [release.version, name, release.package]
  return await lastLine('database', given, { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'postgres' })
}

/**
 * Installs a release where it is not installed yet, which takes a minute.
 *
 * @returns path of the Python that runs it
 */
export async function installNemo(release: Release): Promise<string> {
  return await lastLine('install', [release.version, release.package])
}

/** Lets a laboratory live through its day and writes down which events must arrive. */
export async function liveDay(release: Release, databaseUrl: string, ledger: string, paceSeconds = 0): Promise<KitRun> {
  const python = await installNemo(release)
  const day = ['-W', 'ignore', join(KIT, 'day.py'), '--ledger', ledger, '--pace', String(paceSeconds)]
  return await run(python, day, { NEMO_DATABASE_URL: databaseUrl })
}

/** Holds a recording against the ledger: first the faults, then a line with their number. */
export async function compare(ledger: string, recording: string, secret?: string): Promise<KitRun> {
  return await run(join(KIT, 'compare.py'), [ledger, recording, ...(secret === undefined ? [] : ['--secret', secret])])
}

async function lastLine(script: string, arguments_: string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, lines, errors } = await run(join(KIT, script), arguments_, environment)
  if (code !== 0) throw new Error(`${script} ${arguments_.join(' ')} ended with ${code}\n${errors}`)
  return lines.at(-1) ?? ''
}

let workFolder: string | undefined

async function run(program: string, arguments_: string[], environment: NodeJS.ProcessEnv = {}): Promise<KitRun> {
  workFolder ??= temporaryFolder('nemo-work') // every release writes its media somewhere
  // Settings of whoever runs the tests would change what they test.
  const own = Object.entries(process.env).filter(
    ([name]) => name === 'NEMO_LAB_HOME' || !/^(PG|NEMO_|DJANGO_)/.test(name),
  )
  // Even a SIGKILL of this process takes the program with it, as it does the lab's servers.
  const guard = process.platform === 'linux' ? findProgram('setpriv') : undefined
  const guarded = guard === undefined ? [] : [guard, '--pdeathsig', 'KILL']
  const [first = program, ...others] = [...guarded, program, ...arguments_]
  const child = spawn(first, others, {
    // The kit may lie where nothing can be written.
    env: { ...Object.fromEntries(own), PYTHONDONTWRITEBYTECODE: '1', NEMO_WORK_DIR: workFolder, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, so that its children can be ended with it
  })
  const forget = beforeExit(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  })
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    return (): string => Buffer.concat(chunks).toString()
  }) as [() => string, () => string]
  try {
    const code = await new Promise<number | NodeJS.Signals>((resolve, reject) => {
      child.on('error', reject).on('close', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'))
    })
    return { code, lines: stdout().trim().split('\n'), errors: stderr() }
  } finally {
    forget()
  }
}
