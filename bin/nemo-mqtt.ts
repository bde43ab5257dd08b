#!/usr/bin/env node
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { configCommand } from '../src/commands/config/index.ts'
import { migrateCommand } from '../src/commands/migrate.ts'
import { runCommand } from '../src/commands/run.ts'
import { serviceCommand } from '../src/commands/service.ts'
import { statusCommand } from '../src/commands/status.ts'
import { uninstallCommand } from '../src/commands/uninstall.ts'
import { AppError, reasonOf } from '../src/errors.ts'
import { redact } from '../src/log.ts'
import { version } from '../src/version.ts'

// Exit codes: 0 done, 1 failed, 2 wrong use or wrong settings.
const cli = yargs(hideBin(process.argv))
  .scriptName('nemo-mqtt')
  .usage('$0 <command>\n\nPublishes every committed change of a NEMO laboratory over MQTT.')
  .command(runCommand)
  .command(migrateCommand)
  .command(configCommand)
  .command(statusCommand)
  .command(uninstallCommand)
  .command(serviceCommand)
  .demandCommand(1, 'say what to do: run, migrate, config, status, uninstall or service')
  .strict()
  .version(version())
  .help()
  .epilogue('Settings come from environment variables NEMO_MQTT_...; the README lists them.')
  .fail((message, error) => {
    if (error) throw error
    throw new AppError('NEMO_MQTT_ERR_CONFIG', message, { hint: 'nemo-mqtt --help' })
  })

try {
  await cli.parseAsync()
} catch (error) {
  const known = error instanceof AppError
  process.stderr.write(redact(`nemo-mqtt: ${known ? `${error.code}: ` : ''}${reasonOf(error)}\n`))
  if (known && error.hint !== undefined) process.stderr.write(`  Try: ${error.hint}\n`)
  // A fault of ours: where it happened helps whoever reports it.
  if (!known && error instanceof Error) process.stderr.write(redact(`${error.stack ?? ''}\n`))
  process.exitCode = known && error.code === 'NEMO_MQTT_ERR_CONFIG' ? 2 : 1
}
