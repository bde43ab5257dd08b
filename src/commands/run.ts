import { setFlagsFromString } from 'node:v8'
import type { CommandModule } from 'yargs'
import { fromEnvironment } from '../config/environment.ts'
import { settingsInForce } from '../config/in-force.ts'
import { LiveSettings } from '../config/live.ts'
import { resolveMachineSettings, secretsOf } from '../config/resolve.ts'
import { createLog, setLevel } from '../log.ts'
import { Service } from '../service.ts'
import { runShadow } from '../shadow/run.ts'
import { onSignals } from '../shutdown.ts'
import { version } from '../version.ts'
import { printLine, printNote } from './terminal.ts'
import { durationOf } from './time.ts'

/**
 * Runs the service until a signal ends it.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG, or NEMO_MQTT_ERR_BROKER when the settings say that a lost broker ends it
 */
export async function run(environment: NodeJS.ProcessEnv): Promise<number> {
  // What passes through lives for milliseconds; only by V8's habit of letting the heap grow before it collects would a
  // long backlog take 260 MB instead of 140 (measured on a million changes; it costs an eighth of the speed).
  setFlagsFromString('--heap-growing-percent=30')
  const given = fromEnvironment(environment)
  const live = new LiveSettings(resolveMachineSettings(given))
  // Those of earlier settings too: an error that is still under way may show one.
  const known = new Set(secretsOf(live.current))
  const secrets = (): string[] => [...known]
  const log = createLog({ level: live.current.log_level, secrets })
  live.subscribe((now) => {
    for (const secret of secretsOf(now)) known.add(secret)
    setLevel(log, now.log_level)
  })
  log.info({ version: version() }, 'nemo-mqtt starts')
  await new Service({ live, environment: given, variables: environment, log, secrets }).run(onSignals(log))
  log.info('nemo-mqtt has stopped')
  return 0
}

/** What can be given to `nemo-mqtt run`. */
export interface RunArguments {
  shadow?: boolean | undefined
  for?: string | undefined
  deadline?: string | undefined
}

/** How long messages wait for their like, unless something else is asked for. */
const DEADLINE = '30s'
/** Longest that a timer can wait: 24.8 days. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Compares beside the Python plugin, instead of publishing.
 *
 * @returns the exit code, see {@link runShadow}
 * @throws AppError NEMO_MQTT_ERR_CONFIG, _DATABASE
 */
export async function shadow(
  given: RunArguments,
  environment: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<number> {
  const deadlineMs = durationOf('--deadline', given.deadline ?? DEADLINE)
  const forMs = given.for === undefined ? undefined : Math.min(durationOf('--for', given.for), LONGEST_MS)
  const settings = await settingsInForce(environment)
  const secrets = (): string[] => secretsOf(settings)
  const log = createLog({ level: 'WARNING', secrets })
  const options = { settings, deadlineMs, forMs, log, secrets, print: printLine, note: printNote }
  return await runShadow(options, signal ?? onSignals(log))
}

/** `nemo-mqtt run`. */
export const runCommand: CommandModule<object, RunArguments> = {
  command: 'run',
  describe: 'publish every change of NEMO over MQTT, until stopped',
  builder: (yargs) =>
    yargs
      .option('shadow', { type: 'boolean', describe: 'publish nothing: compare with what the Python plugin publishes' })
      .option('for', { type: 'string', requiresArg: true, implies: 'shadow', describe: 'end after this time: 24h' })
      .option('deadline', {
        type: 'string',
        requiresArg: true,
        implies: 'shadow',
        describe: `how long each side may take to tell something; ${DEADLINE} unless given`,
      }),
  handler: async (given) => {
    process.exitCode = given.shadow === true ? await shadow(given, process.env) : await run(process.env)
  },
}
