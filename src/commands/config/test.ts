import type { CommandModule } from 'yargs'
import { type LayerFinding, testBroker } from '../../check/broker-test.ts'
import { resolveStored } from '../../config/in-force.ts'
import type { Settings } from '../../config/settings.ts'
import { type Print, printLine } from '../terminal.ts'
import { type ConfigSession, printJson, withStore } from './session.ts'
import { wanted } from './show.ts'

/** What can be given to `nemo-mqtt config test`. */
export interface TestArguments {
  name?: string | undefined
  json?: boolean | undefined
}

/** Longest time for the whole test, in milliseconds. */
const TEST_MS = 10_000

/**
 * Connects as the service would with this configuration, or the one in force, and sends itself a message.
 *
 * @returns the exit code: 1 when something failed
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is no such configuration, or it cannot be used
 */
export async function testConfiguration(
  given: TestArguments,
  variables: NodeJS.ProcessEnv,
  print: Print,
): Promise<number> {
  const settings = await withStore(variables, (session) => settingsOf(session, given.name))
  const findings = await testBroker(settings, AbortSignal.timeout(TEST_MS))
  if (given.json === true) printJson(print, findings)
  else for (const finding of findings) for (const line of lines(finding)) print(line)
  return findings.some(({ level }) => level === 'critical') ? 1 : 0
}

/** `nemo-mqtt config test`. */
export const testCommand: CommandModule<object, TestArguments> = {
  command: 'test [name]',
  describe: 'connect with a configuration, or the one in force, and send a message to oneself',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', describe: 'of a configuration' })
      .option('json', { type: 'boolean', describe: 'as JSON' }),
  handler: async (given) => {
    process.exitCode = await testConfiguration(given, process.env, printLine)
  },
}

function lines({ layer, level, found, todo }: LayerFinding): string[] {
  const line = `${level.padEnd(9)} ${layer.padEnd(12)} ${found}`
  return level === 'ok' || todo === undefined ? [line] : [line, `  Try: ${todo}`]
}

// With nothing stored the environment is what is in force.
async function settingsOf(session: ConfigSession, name: string | undefined): Promise<Settings> {
  const { environment, store } = session
  const isEmpty = name === undefined && (await store.history(1)).length === 0
  return resolveStored(environment, isEmpty ? undefined : await wanted(session, name))
}
