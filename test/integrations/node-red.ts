import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { freePort } from '../../lab/port.ts'
import { StartedProgram } from '../../lab/process.ts'
import { program } from '../fixtures/service.ts'
import { cacheFolder, takeLock } from '../runner/cache-folder.ts'

/** The last that runs on Node.js 20. */
const VERSION = '4.1.8'

/** A node of a flow, as far as tests look at it. */
export type FlowNode = Readonly<Record<string, unknown>> & { readonly id: string; readonly type: string }

/** Installs Node-RED from the registry where it is missing, which takes half a minute, and gives its program. */
export async function installNodeRed(): Promise<string> {
  const folder = join(cacheFolder(), `node-red-${VERSION}`)
  const red = join(folder, 'node_modules', 'node-red', 'red.js')
  const unlock = await takeLock(join(cacheFolder(), 'node-red.lock'), true)
  try {
    if (existsSync(red)) return red
    const half = `${folder}.${process.pid}` // whole, or not at all
    mkdirSync(half, { recursive: true })
    writeFileSync(join(half, 'package.json'), '{"private":true}')
    const install = ['install', '--no-audit', '--no-fund', '--no-save', `node-red@${VERSION}`]
    execFileSync(program('npm'), install, { cwd: half, stdio: ['ignore', 'ignore', 'inherit'] })
    rmSync(folder, { recursive: true, force: true })
    renameSync(half, folder)
    return red
  } finally {
    unlock?.()
  }
}

/** Runs the real Node-RED with these flows; it ends with the test. */
export async function startNodeRed(
  t: Test,
  flows: readonly FlowNode[],
  environment: NodeJS.ProcessEnv,
): Promise<StartedProgram> {
  const [red, port, folder] = [await installNodeRed(), await freePort(), temporaryFolder('node-red')]
  writeFileSync(join(folder, 'flows.json'), JSON.stringify(flows))
  const settings = {
    uiPort: port,
    uiHost: '127.0.0.1',
    flowFile: 'flows.json',
    credentialSecret: false,
    telemetry: { enabled: false },
  }
  writeFileSync(join(folder, 'settings.js'), `module.exports = ${JSON.stringify(settings)}`)
  const nodeRed = new StartedProgram({
    name: 'Node-RED',
    program: process.execPath,
    arguments: [red, '--userDir', folder, '--settings', join(folder, 'settings.js')],
    environment: { PATH: process.env.PATH, HOME: folder, ...environment },
    folder,
    isReady: async () => (await fetch(`http://127.0.0.1:${port}/flows`)).ok,
    deadlineMs: 60_000,
  })
  await nodeRed.start()
  t.teardown(() => nodeRed.kill())
  return nodeRed
}
