import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { EmbeddedBroker } from './embedded-broker.ts'
import { temporaryFolder } from './folder.ts'
import { onPort } from './port.ts'
import { StartedProgram } from './process.ts'
import { findProgram } from './programs.ts'

/** How {@link startBroker} differs from its defaults. */
export interface BrokerOptions {
  /** @defaultValue a free one */
  port?: number
  /** Lines of mosquitto.conf; a line replaces the lab's own of the same name. They follow the `listener` line. */
  configuration?: readonly string[]
  /** Which broker. @defaultValue mosquitto where it is installed, else the embedded one */
  kind?: 'mosquitto' | 'aedes'
}

/** A running broker of one's own, whichever it is. */
export type Broker = MosquittoBroker | EmbeddedBroker

/** A mosquitto of one's own, with a configuration file and a persistence folder of its own. */
export class MosquittoBroker extends StartedProgram {
  readonly kind = 'mosquitto'
  /** The newest protocol it speaks. */
  readonly protocol = '5'
  readonly host = '127.0.0.1'
  readonly port: number
  readonly url: string

  constructor(program: string, port: number, configuration: readonly string[]) {
    const folder = temporaryFolder('mosquitto')
    const file = join(folder, 'mosquitto.conf')
    writeFileSync(file, `${configurationLines(port, folder, configuration).join('\n')}\n`, { mode: 0o600 })
    super({ name: 'mosquitto', program, arguments: ['-c', file], folder, isReady: () => canConnect(port) })
    this.port = port
    this.url = `mqtt://127.0.0.1:${port}`
  }
}

/** Starts a broker on loopback. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const mosquitto = findProgram('mosquitto')
  const { kind = mosquitto === undefined ? 'aedes' : 'mosquitto', configuration = [] } = options
  if (kind === 'mosquitto' && mosquitto === undefined) throw new Error('missing: mosquitto (not in PATH)')
  return await onPort(options.port, async (port) => {
    const broker =
      kind === 'aedes' ? new EmbeddedBroker(port) : new MosquittoBroker(mosquitto ?? '', port, configuration)
    await broker.start()
    return broker
  })
}

function configurationLines(port: number, folder: string, own: readonly string[]): string[] {
  const names = new Set(own.map((line) => line.trim().split(/\s/)[0]))
  const lines = [
    'allow_anonymous true',
    'max_queued_messages 0', // the default of 1,000 drops what a subscriber that is away should get later
    `persistence_location ${folder}/`,
    'log_dest stderr',
    // Started by root it would become another user, who could not write into this folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
  ]
  const kept = lines.filter((line) => !names.has(line.split(' ')[0]))
  return [`listener ${port} 127.0.0.1`, ...kept, ...own]
}

async function canConnect(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (isOpen: boolean): void => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}
