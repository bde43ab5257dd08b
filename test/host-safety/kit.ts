import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { temporaryFolder } from '../../lab/folder.ts'
import { startPostgres } from '../../lab/postgres.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'

/** Scripts that run real NEMO releases with our triggers in place. They are not part of this repository. */
const KIT = join(PACKAGE_ROOT, '..', 'shared', 'nemo', 'kit', 'host-safety')

/** Why these tests cannot run here; false when they can. In CI they must. */
export function reasonToSkip(): string | false {
  if (existsSync(KIT)) return false
  if (process.env.CI) throw new Error(`${KIT} is missing: the scripts that run real NEMO releases`)
  process.stderr.write(`SKIPPED: NEMO’s own migrations and tests were not run, because there is no ${KIT}\n`)
  return 'the kit that runs real NEMO releases is not here'
}

/** How a script of the kit ended, and what it said: one line a verdict. */
export interface KitRun {
  readonly code: number | null
  readonly lines: readonly string[]
}

/** Runs one script of the kit on a server of its own, with our real commands to install and to uninstall. */
export async function runKit(script: string, environment: Readonly<Record<string, string>>): Promise<KitRun> {
  const server = await startPostgres()
  const program = `NEMO_MQTT_DATABASE_URL=$DATABASE_URL '${process.execPath}' '${join(PACKAGE_ROOT, 'dist/bin/nemo-mqtt.js')}'`
  const child = spawn(join(KIT, script), {
    env: {
      ...process.env,
      ADMIN_URL: `postgres://postgres@${server.host}:${server.port}`,
      // Without a service role: its grants are meant to be seen in a dump, and the kit compares dumps.
      INSTALL_CMD: `${program} migrate`,
      UNINSTALL_CMD: `${program} uninstall --yes`,
      OUT: temporaryFolder('host-safety'),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line))
  }
  try {
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
    return { code, lines }
  } finally {
    child.kill()
    await server.stop()
  }
}
