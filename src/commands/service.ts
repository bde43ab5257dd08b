import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { CommandModule } from 'yargs'
import { exampleEnvironment } from '../config/example.ts'
import { AppError, codeOf, reasonOf } from '../errors.ts'
import { PACKAGE_ROOT, PROGRAMS } from '../version.ts'

const run = promisify(execFile)
const SHIPPED = join(PACKAGE_ROOT, 'systemd')

/** What can be given to `nemo-mqtt service install` and `remove`. */
export interface ServiceArguments {
  'dry-run'?: boolean | undefined
}

/** Where things go; a test uses other places. */
export interface ServicePlaces {
  /** Folder of the unit files. */
  readonly units: string
  /** Folder of the environment file and the secrets. */
  readonly configuration: string
  readonly systemctl: string
}

const PLACES: ServicePlaces = {
  units: '/etc/systemd/system',
  configuration: '/etc/nemo-mqtt',
  systemctl: 'systemctl',
}

/** One thing to do: what people read, and the doing. */
interface Step {
  readonly what: string
  readonly act: () => Promise<unknown>
}

/**
 * Installs the units, with the paths of this very program in them, and a place for settings and secrets. Starts
 * nothing, and leaves settings that are there as they are.
 *
 * @throws AppError NEMO_MQTT_ERR_RIGHTS when not run as root, NEMO_MQTT_ERR_CONFIG when the units could not reach us
 */
export async function installService(
  given: ServiceArguments,
  print: (line: string) => void,
  places: ServicePlaces = PLACES,
): Promise<number> {
  refuseHomes([process.execPath, PROGRAMS])
  const secrets = join(places.configuration, 'secrets')
  const environment = join(places.configuration, 'environment')
  const steps: Step[] = [
    {
      what: `make ${secrets}, which only root can read`,
      act: async () => {
        await mkdir(secrets, { recursive: true, mode: 0o700 })
        await chmod(secrets, 0o700)
      },
    },
    ...((await isThere(environment))
      ? [{ what: `keep ${environment} as it is`, act: async () => undefined }]
      : [
          {
            what: `write ${environment}, an example`,
            act: () => writeFile(environment, exampleEnvironment(), { mode: 0o640 }),
          },
        ]),
  ]
  for (const name of await unitNames()) {
    const text = await readFile(join(SHIPPED, name), 'utf8')
    const path = join(places.units, name)
    steps.push({ what: `write ${path}`, act: () => writeFile(path, withPaths(text), { mode: 0o644 }) })
  }
  steps.push(systemctl(places, 'daemon-reload'))
  await take(steps, given, print)
  if (given['dry-run'] !== true) {
    print(`next: put the settings into ${environment} and the secrets into ${secrets}, one file each, then`)
    print('  systemctl enable --now nemo-mqtt nemo-mqtt-check.timer')
  }
  return 0
}

/**
 * Stops and removes the units. Settings and secrets stay.
 *
 * @throws AppError NEMO_MQTT_ERR_RIGHTS when not run as root
 */
export async function removeService(
  given: ServiceArguments,
  print: (line: string) => void,
  places: ServicePlaces = PLACES,
): Promise<number> {
  const present: string[] = []
  for (const name of await unitNames()) if (await isThere(join(places.units, name))) present.push(name)
  if (present.length === 0) {
    print('the units are not installed: nothing to remove')
    return 0
  }
  const steps = [
    systemctl(places, 'disable', '--now', ...present.filter((name) => name !== 'nemo-mqtt-check.service')),
    ...present.map((name) => {
      const path = join(places.units, name)
      return { what: `delete ${path}`, act: () => rm(path) }
    }),
    systemctl(places, 'daemon-reload'),
  ]
  await take(steps, given, print)
  print(`${places.configuration} stays: settings and secrets are there`)
  return 0
}

const installCommand: CommandModule<object, ServiceArguments> = {
  command: 'install',
  describe: 'install the units and a place for settings and secrets; starts nothing',
  builder: { 'dry-run': { type: 'boolean', describe: 'say what would be done, and do nothing' } },
  handler: async (given) => {
    process.exitCode = await installService(given, toOutput)
  },
}

const removeCommand: CommandModule<object, ServiceArguments> = {
  command: 'remove',
  describe: 'stop and remove the units; settings and secrets stay',
  builder: { 'dry-run': { type: 'boolean', describe: 'say what would be done, and do nothing' } },
  handler: async (given) => {
    process.exitCode = await removeService(given, toOutput)
  },
}

/** `nemo-mqtt service`. */
export const serviceCommand: CommandModule = {
  command: 'service',
  describe: 'install or remove the systemd units',
  builder: (yargs) =>
    yargs.command(installCommand).command(removeCommand).demandCommand(1, 'say what to do: install or remove'),
  handler: () => undefined,
}

const toOutput = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

async function unitNames(): Promise<string[]> {
  return (await readdir(SHIPPED)).filter((name) => /\.(service|timer)$/.test(name)).sort()
}

/** With absolute paths: systemd has another PATH than whoever installs, and Node may not be in it. */
function withPaths(unit: string): string {
  return unit.replace(/^ExecStart=\/usr\/bin\/env (nemo-mqtt(?:-check)?)/m, (_line, program: string) => {
    return `ExecStart=${process.execPath} ${join(PROGRAMS, `${program}.js`)}`
  })
}

/** The units run as a user who sees no home folder (ProtectHome, systemd.exec(5)). */
function refuseHomes(paths: readonly string[]): void {
  const hidden = paths.find((path) => /^\/(home|root|run\/user)\//.test(path))
  if (hidden === undefined) return
  throw new AppError('NEMO_MQTT_ERR_CONFIG', `the service could not read ${hidden}: it sees no home folder`, {
    hint: 'install Node and nemo-mqtt for the whole machine: npm install -g, as root, with a Node outside of /home and /root',
  })
}

function systemctl({ systemctl: program }: ServicePlaces, ...words: readonly string[]): Step {
  return { what: `systemctl ${words.join(' ')}`, act: () => run(program, words) }
}

async function take(steps: readonly Step[], given: ServiceArguments, print: (line: string) => void): Promise<void> {
  for (const { what, act } of steps) {
    print(given['dry-run'] === true ? `would ${what}` : what)
    if (given['dry-run'] === true) continue
    try {
      await act()
    } catch (error) {
      const isForbidden = ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')
      throw new AppError(
        isForbidden ? 'NEMO_MQTT_ERR_RIGHTS' : 'NEMO_MQTT_ERR_SYSTEMD',
        `${what}: ${reasonOf(error)}`,
        {
          cause: error,
          hint: isForbidden ? 'run it as root' : 'see what systemd says: systemctl status; nothing was started',
        },
      )
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
