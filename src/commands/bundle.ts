import type { CommandModule } from 'yargs'
import { writeBundle } from '../bundle/bundle.ts'
import { type Print, printLine } from './terminal.ts'

/** What can be given to `nemo-mqtt bundle`. */
export interface BundleArguments {
  file?: string | undefined
}

/**
 * Writes a support archive that shows nobody's data.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when the file cannot be written
 */
export async function bundle(given: BundleArguments, environment: NodeJS.ProcessEnv, print: Print): Promise<number> {
  const stamp = new Date().toISOString().replace(/[-:]|\..*/g, '')
  const file = given.file ?? `nemo-mqtt-bundle-${stamp}.tar.gz`
  const names = await writeBundle(file, environment)
  print(`${file}: ${names.join(', ')}`)
  print('no secrets, no payloads, no names of people; look into it before you give it away')
  return 0
}

/** `nemo-mqtt bundle`. */
export const bundleCommand: CommandModule<object, BundleArguments> = {
  command: 'bundle [file]',
  describe: 'write a support archive (tar.gz) without secrets, payloads or names of people',
  builder: (yargs) => yargs.positional('file', { type: 'string', describe: 'where to; made up when missing' }),
  handler: async (given) => {
    process.exitCode = await bundle(given, process.env, printLine)
  },
}
