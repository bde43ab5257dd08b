import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Aedes } from 'aedes'
import { until } from './wait.ts'

/**
 * A broker inside this process, for machines without mosquitto. It refuses MQTT 5, so whoever connects must be told to
 * speak 3.1.1. As with a mosquitto without persistence, a restart forgets the sessions.
 */
export class EmbeddedBroker {
  readonly kind = 'aedes'
  /** The newest protocol it speaks. */
  readonly protocol = '3.1.1'
  readonly name = 'aedes'
  readonly host = '127.0.0.1'
  readonly port: number
  readonly url: string
  readonly #sockets = new Set<Socket>()
  #live: { server: Server; aedes: Aedes } | undefined

  constructor(port: number) {
    this.port = port
    this.url = `mqtt://127.0.0.1:${port}`
  }

  /** Whether it listens. */
  get isRunning(): boolean {
    return this.#live !== undefined
  }

  /** Starts it, or starts it again on the same port. */
  async start(): Promise<void> {
    if (this.#live !== undefined) return
    const server = createServer()
    server.listen({ port: this.port, host: this.host, exclusive: true })
    await once(server, 'listening') // rejects with EADDRINUSE
    const aedes = new Aedes()
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      aedes.handle(socket)
    })
    this.#live = { server, aedes }
    await aedes.listen()
  }

  /** Closes the port and all connections. */
  async stop(): Promise<void> {
    const live = this.#live
    if (live === undefined) return
    this.#live = undefined
    live.server.close()
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => live.aedes.close(resolve))
    await until(() => this.#sockets.size === 0, { what: 'the connections of aedes to be closed' })
  }

  /** The nearest thing to a kill: connections are reset instead of closed. */
  async kill(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await this.stop()
  }
}
