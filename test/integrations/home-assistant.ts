import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { freePort } from '../../lab/port.ts'
import { StartedProgram } from '../../lab/process.ts'
import { until } from '../../lab/wait.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { program } from '../fixtures/service.ts'
import { cacheFolder } from '../runner/cache-folder.ts'

/** Runs a real Home Assistant. It is not part of this repository. */
const LAB = join(PACKAGE_ROOT, '..', 'shared', 'homeassistant', 'lab.py')

/** Why a real Home Assistant cannot run here; false when it can. Installs it, which the first time takes minutes. */
export function reasonToSkip(): string | false {
  const reason = !existsSync(LAB) ? `there is no ${LAB}, which runs Home Assistant` : install()
  if (reason !== false) process.stderr.write(`SKIPPED: no real Home Assistant was asked: ${reason}\n`)
  return reason
}

function install(): string | false {
  const { status, stderr } = spawnSync(program('python3'), [LAB, 'install'], { env: environment(), encoding: 'utf8' })
  return status === 0 ? false : stderr.trim().split('\n').at(-1) || 'it cannot be installed'
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, HASS_LAB_HOME: join(cacheFolder(), 'home-assistant') }
}

/** The state of an entity. */
export interface Entity {
  readonly entity_id: string
  readonly state: string
  readonly attributes: Readonly<Record<string, unknown>>
}

/** A device of the registry. */
export interface RegisteredDevice {
  readonly id: string
  readonly name: string
  readonly identifiers: ReadonlyArray<readonly [string, string]>
}

/** A Home Assistant of one's own at a broker. */
export class HomeAssistant {
  readonly #url: string
  readonly #token: string

  private constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  /** Starts it; it ends with the test. */
  static async start(t: Test, brokerPort: number): Promise<HomeAssistant> {
    const lines: string[] = []
    const port = await freePort()
    const folder = temporaryFolder('home-assistant')
    const home = new StartedProgram({
      name: 'Home Assistant',
      program: program('python3'),
      arguments: [LAB, 'run', '--broker-port', String(brokerPort), '--port', String(port), '--dir', folder],
      environment: environment(),
      onLine: (line) => lines.push(line),
    })
    await home.start()
    t.teardown(() => home.stop())
    const ready = (): string | undefined => lines.find((line) => line.startsWith('{"url"'))
    const line = await until(() => ready(), { what: 'Home Assistant to be ready', deadlineMs: 150_000 })
    const { url, token } = JSON.parse(line) as { url: string; token: string }
    return new HomeAssistant(url, token)
  }

  /** The entity that people see under this name, such as `Etcher In use`. */
  async entity(name: string): Promise<Entity | undefined> {
    const headers = { authorization: `Bearer ${this.#token}` }
    const all = (await (await fetch(`${this.#url}/api/states`, { headers })).json()) as Entity[]
    return all.find(({ attributes }) => attributes.friendly_name === name)
  }

  /** Waits until an entity has a state. */
  async says(
    name: string,
    state: string | ((entity: Entity | undefined) => boolean),
    deadlineMs = 20_000,
  ): Promise<Entity> {
    let seen: Entity | undefined
    const isSo = async (): Promise<boolean> => {
      seen = await this.entity(name)
      return typeof state === 'string' ? seen?.state === state : state(seen)
    }
    try {
      await until(isSo, { what: `${name} to be ${state}`, deadlineMs, everyMs: 100 })
    } catch (cause) {
      throw new Error(`${name} is ${JSON.stringify(seen)}`, { cause })
    }
    return seen as Entity
  }

  /** The devices of ours that it knows. */
  devices(): RegisteredDevice[] {
    const given = ['devices', '--url', this.#url, '--token', this.#token]
    const text = execFileSync(program('python3'), [LAB, ...given], { env: environment(), encoding: 'utf8' })
    const all = JSON.parse(text) as RegisteredDevice[]
    return all.filter(({ identifiers }) =>
      identifiers.some(([domain, id]) => domain === 'mqtt' && id.startsWith('nemo_')),
    )
  }
}
