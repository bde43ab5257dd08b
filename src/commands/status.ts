import type { CommandModule } from 'yargs'
import { databaseUrl, redisSettings } from '../config/environment.ts'
import { type DatabaseState, readState } from '../db/state.ts'
import { AppError } from '../errors.ts'
import { inspectQueue, type QueueState } from '../queue/inspect.ts'

/** What can be given to `nemo-mqtt status`. */
export interface StatusArguments {
  json?: boolean | undefined
}

/** One part of the status: what people read, what programs read, and whether something is wrong. */
export interface StatusSection {
  readonly title: string
  readonly lines: readonly string[]
  readonly json: unknown
  readonly isWrong: boolean
}

/** Reads one part of the status. */
export type StatusReader = (environment: NodeJS.ProcessEnv) => Promise<StatusSection>

/** Every part of the status, in the order in which they are shown. */
const SECTIONS: readonly StatusReader[] = [databaseSection, queueSection]

/**
 * Shows what is installed and what waits.
 *
 * @returns the exit code: 1 when something is wrong
 * @throws AppError when a part cannot be read at all
 */
export async function showStatus(
  given: StatusArguments,
  environment: NodeJS.ProcessEnv,
  print: (line: string) => void,
  readers: readonly StatusReader[] = SECTIONS,
): Promise<number> {
  const sections: StatusSection[] = []
  for (const read of readers) sections.push(await read(environment))
  if (given.json === true) {
    print(JSON.stringify(Object.fromEntries(sections.map(({ title, json }) => [title, json])), null, 2))
  } else {
    for (const { lines } of sections) for (const line of lines) print(line)
  }
  return sections.some(({ isWrong }) => isWrong) ? 1 : 0
}

/** `nemo-mqtt status`. */
export const statusCommand: CommandModule<object, StatusArguments> = {
  command: 'status',
  describe: 'show what is installed in NEMO’s database, what waits there and what is wrong',
  builder: { json: { type: 'boolean', describe: 'as JSON' } },
  handler: async (given) => {
    process.exitCode = await showStatus(given, process.env, (line) => process.stdout.write(`${line}\n`))
  },
}

/** The part about NEMO's database. */
export async function databaseSection(environment: NodeJS.ProcessEnv): Promise<StatusSection> {
  const state = await readState(databaseUrl(environment))
  const isWrong = state.drift.length > 0 || state.pending.length > 0
  return { title: 'database', lines: databaseLines(state), json: state, isWrong }
}

// Trouble with Redis is a finding, not an end: what the database says is worth as much then.
async function queueSection(environment: NodeJS.ProcessEnv): Promise<StatusSection> {
  try {
    const state = await inspectQueue(redisSettings(environment))
    return { title: 'queue', lines: queueLines(state), json: state, isWrong: state.parked > 0 }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const lines = [row('WRONG', error.message), row('', `Try: ${error.hint ?? 'see the log of Redis'}`)]
    return { title: 'queue', lines, json: { error: error.message }, isWrong: true }
  }
}

function queueLines({ queued, inFlight, parked, newestParked, bridge }: QueueState): string[] {
  const lines = [
    row('queue', `${queued} waiting, ${inFlight} in flight`),
    row('bridge', bridge === null ? 'no service has said anything for 90 s' : `${bridge} (said within 90 s)`),
    row('parked', parked === 0 ? 'none' : `${parked} messages cannot be published`),
  ]
  for (const { topic, reason, time } of newestParked)
    lines.push(row('', `${time} ${topic ?? '(unreadable)'}: ${reason}`))
  return lines
}

function databaseLines({ nemo, applied, pending, ...state }: DatabaseState): string[] {
  const lines = [
    row(
      'NEMO',
      `${nemo.edition} ${nemo.release === null ? '(release unknown)' : `${nemo.release} or a patch of it`} in schema ${nemo.schema}`,
    ),
    row('installation', state.installation ?? 'none'),
    row('migrations', `${applied.length} applied, ${pending.length} pending${listed(pending)}`),
  ]
  for (const { table, isCaptured } of state.tables) lines.push(row(table, isCaptured ? 'captured' : 'NOT captured'))
  const { depth, oldestSeconds } = state.log
  lines.push(row('change log', depth === 0 ? 'empty' : `${depth} waiting, the oldest for ${oldestSeconds} s`))
  lines.push(row('unmapped', state.unmapped.count === 0 ? 'none' : `${state.unmapped.count} set aside`))
  for (const { id, table, reason } of state.unmapped.newest) lines.push(row('', `${id} of ${table}: ${reason}`))
  for (const notice of state.notices) lines.push(row('note', notice))
  for (const { found, remedy } of state.drift) lines.push(row('WRONG', found), row('', `Try: ${remedy}`))
  if (pending.length > 0) lines.push(row('WRONG', 'migrations are pending'), row('', 'Try: nemo-mqtt migrate'))
  return lines
}

function row(name: string, value: string): string {
  return `${name.padEnd(22)} ${value}`
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? '' : `: ${names.join(', ')}`
}
