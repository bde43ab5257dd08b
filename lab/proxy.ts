import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { onPort } from './port.ts'
import { ProxiedConnection, type TapCallback } from './proxied-connection.ts'

/** Where {@link startProxy} listens and what it leads to. */
export interface ProxyOptions {
  targetPort: number
  /** @defaultValue 127.0.0.1 */
  targetHost?: string
  /** @defaultValue a free one */
  port?: number
}

/**
 * A TCP proxy that can be told to misbehave as networks do. It starts out passing everything.
 *
 * A connection is either passing or silent. Silence is a network that hangs, not one that fails: sockets stay open,
 * nothing is delivered in either direction, and what was sent meanwhile arrives when the silence ends.
 */
export class TcpProxy {
  readonly host = '127.0.0.1'
  readonly port: number
  /** Connections accepted so far. */
  accepted = 0
  readonly #target: { port: number; host: string }
  readonly #connections = new Set<ProxiedConnection>()
  #server: Server | undefined
  #silencesNew = false
  #delayMs = 0
  #tap: TapCallback = () => undefined

  constructor(port: number, options: ProxyOptions) {
    this.port = port
    this.#target = { port: options.targetPort, host: options.targetHost ?? '127.0.0.1' }
  }

  /** Connections that are open now, silent ones too. */
  get open(): number {
    return this.#connections.size
  }

  /** Back to normal: listens, delivers at once, and ends every silence. */
  async pass(): Promise<void> {
    this.#silencesNew = false
    this.delay(0)
    for (const connection of this.#connections) connection.pass()
    await this.#listen()
  }

  /** Makes the existing connections silent and, if wanted, those that are made from now on. */
  silence(which: { newToo: boolean }): void {
    this.#silencesNew = which.newToo
    for (const connection of this.#connections) connection.silence()
  }

  /** Resets every existing connection at both ends. New ones are accepted as before. */
  reset(): void {
    for (const connection of this.#connections) connection.reset()
  }

  /** Refuses new connections from now on. Existing ones go on. */
  async refuse(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    server.close() // stops listening at once; its `close` event waits for the existing connections
    await new Promise(setImmediate)
  }

  /** Delivers every chunk so many milliseconds later, in both directions and in order. */
  delay(ms: number): void {
    this.#delayMs = ms
    for (const connection of this.#connections) connection.delayMs = ms
  }

  /** Shows every chunk to a callback before it is passed on. */
  tap(callback: TapCallback): void {
    this.#tap = callback
  }

  /** Resets everything and closes the port. */
  async stop(): Promise<void> {
    await this.refuse()
    this.reset()
  }

  async #listen(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#accept(socket))
    server.listen({ port: this.port, host: this.host, exclusive: true })
    await once(server, 'listening') // rejects with EADDRINUSE
    this.#server = server
  }

  #accept(socket: Socket): void {
    this.accepted += 1
    const connection = new ProxiedConnection(this.accepted, socket, this.#target, (...seen) => this.#tap(...seen))
    connection.delayMs = this.#delayMs
    this.#connections.add(connection)
    connection.onClosed(() => this.#connections.delete(connection))
    if (!this.#silencesNew) connection.pass()
  }
}

/** Starts a proxy that passes everything until told otherwise. */
export async function startProxy(options: ProxyOptions): Promise<TcpProxy> {
  return await onPort(options.port, async (port) => {
    const proxy = new TcpProxy(port, options)
    await proxy.pass()
    return proxy
  })
}
