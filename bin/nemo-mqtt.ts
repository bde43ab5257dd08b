#!/usr/bin/env node
import yargs, { type CommandModule } from 'yargs'
import { hideBin } from 'yargs/helpers'
import { backfillCommand } from '../src/commands/backfill.ts'
import { bundleCommand } from '../src/commands/bundle.ts'
import { configCommand } from '../src/commands/config/index.ts'
import { explainCommand } from '../src/commands/explain.ts'
import { logCommand } from '../src/commands/log.ts'
import { migrateCommand } from '../src/commands/migrate.ts'
import { monitorCommand } from '../src/commands/monitor.ts'
import { parkedCommand } from '../src/commands/parked.ts'
import { passwordCommand } from '../src/commands/password.ts'
import { replayCommand } from '../src/commands/replay.ts'
import { runCommand } from '../src/commands/run.ts'
import { schemaCommand } from '../src/commands/schema.ts'
import { sendCommand } from '../src/commands/send.ts'
import { serviceCommand } from '../src/commands/service.ts'
import { statusCommand } from '../src/commands/status.ts'
import { complain } from '../src/commands/terminal.ts'
import { uninstallCommand } from '../src/commands/uninstall.ts'
import { verifyCommand } from '../src/commands/verify.ts'
import { AppError } from '../src/errors.ts'
import { endWithReader } from '../src/shutdown.ts'
import { version } from '../src/version.ts'

/** Every command, in the order in which people meet them. */
const COMMANDS = [
  runCommand,
  migrateCommand,
  configCommand,
  statusCommand,
  uninstallCommand,
  serviceCommand,
  parkedCommand,
  logCommand,
  explainCommand,
  monitorCommand,
  sendCommand,
  backfillCommand,
  replayCommand,
  verifyCommand,
  schemaCommand,
  passwordCommand,
  bundleCommand,
]
const NAMES = COMMANDS.map(({ command }) => String(command).split(' ')[0])

endWithReader()

// Exit codes: 0 done, 1 failed, 2 wrong use or wrong settings.
const cli = yargs(hideBin(process.argv))
  .scriptName('nemo-mqtt')
  .usage('$0 <command>\n\nPublishes every committed change of a NEMO laboratory over MQTT.')
  .command(COMMANDS as unknown as CommandModule[]) // its type of a list knows commands without arguments only
  .demandCommand(1, `say what to do: ${NAMES.slice(0, -1).join(', ')} or ${NAMES.at(-1)}`)
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
  process.exitCode = complain('nemo-mqtt', error)?.code === 'NEMO_MQTT_ERR_CONFIG' ? 2 : 1
}
