import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { childPids, hasEnded, signal } from './child-pids.ts'
import { beforeExit } from './leftovers.ts'
import { findProgram } from './programs.ts'
import { until } from './wait.ts'

const LINES_KEPT = 200
const LINES_SHOWN = 15

/** What to start and how to know that it is ready. */
export interface ProgramOptions {
  /** How messages call it, such as `Redis`. */
  name: string
  /** Full path of the program. */
  program: string
  arguments: readonly string[]
  /** Replaces the whole environment. @defaultValue that of this process */
  environment?: NodeJS.ProcessEnv
  /** Working directory. */
  folder?: string
  /** The user it runs as, where this process may choose. */
  user?: { uid: number; gid: number } | undefined
  /** The signal that asks it to stop. @defaultValue SIGTERM */
  stopSignal?: NodeJS.Signals
  /** Comes true when it serves; throwing means not yet. @defaultValue ready as soon as it runs */
  isReady?: () => unknown
  /** Time to become ready, and time to stop before it is killed, in milliseconds. @defaultValue 30 s */
  deadlineMs?: number
  /** Sees every line it prints, on either stream. */
  onLine?: (line: string) => void
}

/**
 * A program that this process started and that does not outlive it. It is either running, frozen or stopped, and can be
 * started again with the same arguments, so on the same port and with the same data, as often as wanted.
 */
export class StartedProgram {
  readonly name: string
  readonly #options: ProgramOptions
  readonly #lines: string[] = []
  #child: ChildProcess | undefined
  #isClosed = true

  constructor(options: ProgramOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Its process id while it runs. */
  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined
  }

  /** Whether it runs; a frozen program does. */
  get isRunning(): boolean {
    return this.#child?.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** How the last run ended: an exit code, or the signal that killed it; undefined while it runs. */
  get outcome(): number | NodeJS.Signals | undefined {
    return this.#child?.exitCode ?? this.#child?.signalCode ?? undefined
  }

  /** The last lines that it printed, over all its runs. */
  get output(): string {
    return this.#lines.join('\n')
  }

  /** Starts it and waits until it is ready. Does nothing when it runs. */
  async start(): Promise<void> {
    if (this.isRunning) return
    const { isReady, deadlineMs = 30_000 } = this.#options
    await this.#spawn()
    if (isReady === undefined) return
    const settled = async (): Promise<unknown> => !this.isRunning || (await isReady())
    try {
      await until(settled, { deadlineMs, what: `${this.name} to be ready` })
    } catch (error) {
      await this.kill()
      throw new Error(`${(error as Error).message}\n${this.#lastLines()}`, { cause: error })
    }
    if (this.isRunning) return
    const outcome = await this.ended()
    throw new Error(`${this.name} ended with ${outcome} at start\n${this.#lastLines()}`)
  }

  /** Asks it to stop and waits until it has. One that does not stop in time is killed, which is an error. */
  async stop(): Promise<void> {
    if (this.pid === undefined) return
    this.thaw()
    signal(this.pid, this.#options.stopSignal ?? 'SIGTERM')
    try {
      await this.ended()
    } catch (error) {
      await this.kill()
      throw new Error(`${(error as Error).message}\n${this.#lastLines()}`, { cause: error })
    }
  }

  /** Kills it and its children, as a power cut would: no goodbye, nothing saved. Resolves when all are gone. */
  async kill(): Promise<void> {
    const pids = this.#killNow()
    await until(() => !this.isRunning && pids.every(hasEnded), { what: `the killed ${this.name} to be gone` })
  }

  /** Stops it and its children in their tracks: sockets stay open and nobody answers. */
  freeze(): void {
    if (this.pid === undefined) throw new Error(`${this.name} does not run, so it cannot be frozen`)
    signal(this.pid, 'SIGSTOP') // the parent first: a frozen parent starts no further child
    for (const child of childPids(this.pid)) signal(child, 'SIGSTOP')
  }

  /** Lets it go on after {@link StartedProgram.freeze}. */
  thaw(): void {
    if (this.pid === undefined) return
    for (const child of childPids(this.pid)) signal(child, 'SIGCONT')
    signal(this.pid, 'SIGCONT')
  }

  /** Resolves when it has ended and its last line is read. */
  async ended(deadlineMs: number = this.#options.deadlineMs ?? 30_000): Promise<number | NodeJS.Signals> {
    await until(() => !this.isRunning && this.#isClosed, { deadlineMs, what: `${this.name} to end` })
    return this.outcome ?? 0
  }

  async #spawn(): Promise<void> {
    const { arguments: args, environment, folder, user, program, onLine } = this.#options
    if (!existsSync(program)) throw new Error(`${this.name}: there is no program ${program}`)
    // Even a SIGKILL of this process takes the program with it: the kernel sends the signal, nobody has to be alive.
    const guard = process.platform === 'linux' ? findProgram('setpriv') : undefined
    const command = guard === undefined ? [program, ...args] : [guard, '--pdeathsig', 'KILL', program, ...args]
    const child = spawn(command[0] ?? program, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment ?? process.env,
      cwd: folder,
      detached: true, // out of reach of the terminal's Ctrl-C: who is stopped, and when, is decided here
      ...user,
    })
    this.#child = child
    this.#isClosed = false
    const forget = beforeExit(() => this.#killNow())
    child.once('exit', forget)
    child.once('close', () => {
      this.#isClosed = true
    })
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.#keep(line)
        onLine?.(line)
      })
    }
    await once(child, 'spawn')
  }

  #killNow(): number[] {
    const pid = this.pid
    if (pid === undefined) return []
    signal(pid, 'SIGSTOP')
    const pids = [pid, ...childPids(pid)]
    for (const one of pids) signal(one, 'SIGKILL')
    return pids
  }

  #keep(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length > LINES_KEPT) this.#lines.shift()
  }

  #lastLines(): string {
    const lines = this.#lines.slice(-LINES_SHOWN)
    return lines.length === 0 ? '(it printed nothing)' : lines.map((line) => `  ${line}`).join('\n')
  }
}
