import { setFlagsFromString } from 'node:v8'
import type { CommandModule } from 'yargs'
import { fromEnvironment } from '../config/environment.ts'
import { LiveSettings } from '../config/live.ts'
import { resolveMachineSettings, secretsOf } from '../config/resolve.ts'
import { createLog, setLevel } from '../log.ts'
import { Service } from '../service.ts'
import { onSignals } from '../shutdown.ts'
import { version } from '../version.ts'

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

/** `nemo-mqtt run`. */
export const runCommand: CommandModule = {
  command: 'run',
  describe: 'publish every change of NEMO over MQTT, until stopped',
  handler: async () => {
    process.exitCode = await run(process.env)
  },
}
