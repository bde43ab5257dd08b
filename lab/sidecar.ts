import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { StartedProgram } from './process.ts'

/** The compiled command line of this project. */
const PROGRAM = fileURLToPath(new URL('../bin/nemo-mqtt.js', import.meta.url))

/** What {@link sidecar} starts: a command such as `run`, and settings by their environment variables. */
export interface SidecarOptions {
  arguments: readonly string[]
  settings: Readonly<Record<string, string>>
  onLine?: (line: string) => void
}

/**
 * `nemo-mqtt` as a child process, not started yet. It sees no `NEMO_MQTT_` variable but those given here: whoever tries
 * this on the machine of the real laboratory has settings in the environment that lead to the real broker.
 */
export function sidecar(options: SidecarOptions): StartedProgram {
  if (!existsSync(PROGRAM)) throw new Error(`missing: ${PROGRAM}; npm run build makes it`)
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('NEMO_MQTT_'))
  return new StartedProgram({
    name: `nemo-mqtt ${options.arguments.join(' ')}`,
    program: process.execPath,
    arguments: [PROGRAM, ...options.arguments],
    environment: { ...Object.fromEntries(inherited), ...options.settings },
    ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
  })
}
