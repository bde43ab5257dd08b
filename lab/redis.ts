import { rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { temporaryFolder } from './folder.ts'
import { requirePrograms } from './install.ts'
import { onPort } from './port.ts'
import { StartedProgram } from './process.ts'

/** How {@link startRedis} differs from its defaults. */
export interface RedisOptions {
  /** @defaultValue a free one */
  port?: number
  /** Further arguments of redis-server, such as `['--appendonly', 'yes']`; the last word on a setting wins. */
  arguments?: readonly string[]
}

/** A running Redis of one's own that keeps nothing on disk unless told to. */
export class RedisServer extends StartedProgram {
  readonly host = '127.0.0.1'
  readonly port: number
  /** URL of database 1, the one that NEMO's messages use. */
  readonly url: string
  readonly #folder: string

  constructor(program: string, port: number, options: RedisOptions) {
    const folder = temporaryFolder('redis')
    const listen = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
    super({
      name: 'Redis',
      program,
      arguments: [...listen, '--save', '', '--appendonly', 'no', ...(options.arguments ?? [])],
      folder,
      isReady: async () => (await this.command('PING')).startsWith('+PONG'),
    })
    this.port = port
    this.url = `redis://127.0.0.1:${port}/1`
    this.#folder = folder
  }

  /** Writes what it holds to disk, so that the next start finds it, whatever the persistence settings are. */
  async save(): Promise<void> {
    const answer = await this.command('SAVE')
    if (!answer.startsWith('+OK')) throw new Error(`Redis did not save: ${answer.trim()}`)
  }

  /** Stops it and starts it again on the same port, with or without what it held. */
  async restart(how: { keepData: boolean }): Promise<void> {
    if (how.keepData) await this.save()
    await this.stop()
    if (!how.keepData) this.forgetData()
    await this.start()
  }

  /** Removes what it wrote to disk; to be called while it is stopped. */
  forgetData(): void {
    for (const name of ['dump.rdb', 'appendonlydir', 'appendonly.aof']) {
      rmSync(join(this.#folder, name), { recursive: true, force: true })
    }
  }

  /** Sends one inline command and gives the first piece of the raw answer. For everything else take a real client. */
  async command(line: string): Promise<string> {
    return await new Promise((resolve, reject) => {
      const socket = createConnection(this.port, this.host, () => socket.write(`${line}\r\n`))
      const end = (settle: () => void): void => {
        socket.destroy()
        settle()
      }
      socket.setTimeout(5_000, () => end(() => reject(new Error(`Redis did not answer ${line}`))))
      socket.once('error', (error) => end(() => reject(error)))
      socket.once('data', (answer) => end(() => resolve(answer.toString())))
      socket.once('close', () => reject(new Error(`Redis closed the connection on ${line}`)))
    })
  }
}

/** Starts a Redis on loopback. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const [program = ''] = requirePrograms(['redis-server'])
  return await onPort(options.port, async (port) => {
    const server = new RedisServer(program, port, options)
    await server.start()
    return server
  })
}
