#!/usr/bin/env node
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { CHECK_CODES } from '../src/check/catalogue.ts'
import { EXIT_CODES } from '../src/check/exit-code.ts'
import { check } from '../src/commands/check.ts'
import { complain } from '../src/commands/terminal.ts'
import { AppError } from '../src/errors.ts'
import { version } from '../src/version.ts'

try {
  const given = await yargs(hideBin(process.argv))
    .scriptName('nemo-mqtt-check')
    .usage('$0\n\nLooks at every part of the way from NEMO to the broker, and says what is wrong and what to do.')
    .option('json', { type: 'boolean', describe: 'as JSON' })
    .option('nagios', { type: 'boolean', describe: 'one line for monitoring, with performance data' })
    .option('schema', { type: 'boolean', describe: 'print the JSON Schema of --json and do nothing else' })
    .option('only', { choices: CHECK_CODES, array: true, requiresArg: true, describe: 'only this check; repeatable' })
    .option('timeout', { type: 'number', default: 10, requiresArg: true, describe: 'seconds for everything' })
    .check(({ timeout }) => timeout >= 1 || '--timeout: a number of seconds, 1 at least')
    .conflicts('json', 'nagios')
    .strict()
    .version(version())
    .epilogue('Exit codes: 0 ok, 1 warning, 2 critical, 3 unknown or wrong use. Settings as for nemo-mqtt.')
    .fail((message, error) => {
      throw error ?? new AppError('NEMO_MQTT_ERR_CONFIG', message, { hint: 'nemo-mqtt-check --help' })
    })
    .parseAsync()
  end(await check(given, process.env, (line) => process.stdout.write(`${line}\n`)))
} catch (error) {
  complain('nemo-mqtt-check', error)
  end(EXIT_CODES.unknown)
}

// A connection that hangs has no end of its own, and nobody waits for it: what was to be said is said.
function end(code: number): void {
  process.exitCode = code
  process.stdout.write('', () => process.exit())
}
