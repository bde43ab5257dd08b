import type { CommandModule } from 'yargs'
import { databaseUrl } from '../config/environment.ts'
import { secretFrom } from '../config/secret.ts'
import { migrate } from '../db/migrate.ts'
import { AppError } from '../errors.ts'

/** What can be given to `nemo-mqtt migrate`. */
export interface MigrateArguments {
  'dry-run'?: boolean | undefined
  'service-role'?: string | undefined
  'create-role'?: boolean | undefined
  'nemo-schema'?: string | undefined
  watch?: string[] | undefined
  unwatch?: string[] | undefined
}

/** The variable with the password of a role that `--create-role` makes; with `_FILE` at its end, a file that holds it. */
export const SERVICE_PASSWORD = 'NEMO_MQTT_SERVICE_PASSWORD'

/**
 * Installs or upgrades our part of NEMO's database, and repairs it.
 *
 * @returns the exit code
 * @throws AppError whatever {@link migrate} does, and NEMO_MQTT_ERR_CONFIG
 */
export async function migrateDatabase(
  given: MigrateArguments,
  environment: NodeJS.ProcessEnv,
  print: (line: string) => void,
): Promise<number> {
  const name = given['service-role']
  const create = given['create-role'] === true ? { password: secretFrom(environment, SERVICE_PASSWORD) } : undefined
  if (create !== undefined && name === undefined) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', '--create-role needs a name', { hint: 'add --service-role NAME' })
  }
  const { drift } = await migrate({
    url: databaseUrl(environment),
    print,
    nemoSchema: given['nemo-schema'],
    serviceRole: name === undefined ? undefined : { name, create },
    dryRun: given['dry-run'],
    watch: given.watch,
    unwatch: given.unwatch,
  })
  for (const { found, remedy } of drift) print(`still to be done: ${found}\n  Try: ${remedy}`)
  return 0
}

/** `nemo-mqtt migrate`. */
export const migrateCommand: CommandModule<object, MigrateArguments> = {
  command: 'migrate',
  describe: 'install, upgrade or repair our triggers and tables in NEMO’s database',
  builder: {
    'dry-run': { type: 'boolean', describe: 'print the SQL that would run, and change nothing' },
    'service-role': { type: 'string', requiresArg: true, describe: 'role of the service, to be given its rights' },
    'create-role': { type: 'boolean', describe: `make that role, with the password in ${SERVICE_PASSWORD}` },
    'nemo-schema': { type: 'string', requiresArg: true, describe: 'schema of NEMO’s tables, where there are several' },
    watch: { type: 'string', array: true, requiresArg: true, describe: 'further table, for rules of custom_events' },
    unwatch: { type: 'string', array: true, requiresArg: true, describe: 'takes the triggers from such a table again' },
  },
  handler: async (given) => {
    process.exitCode = await migrateDatabase(given, process.env, (line) => process.stdout.write(`${line}\n`))
  },
}
