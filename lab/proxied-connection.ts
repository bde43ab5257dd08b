import { createConnection, type Socket } from 'node:net'
import { ProxyLane } from './proxy-lane.ts'

/** Which way a chunk went: from the client up to the server, or down to the client. */
export type Direction = 'up' | 'down'

/** Sees a chunk, its direction and the number of its connection (the first is 1). */
export type TapCallback = (direction: Direction, chunk: Buffer, connection: number) => void

/** One client's way through a proxy. It begins silent, connected to nobody. */
export class ProxiedConnection {
  readonly #number: number
  readonly #client: Socket
  readonly #target: { port: number; host: string }
  readonly #tap: TapCallback
  #server: Socket | undefined
  #lanes: ProxyLane[] = []
  #delayMs = 0

  constructor(number: number, client: Socket, target: { port: number; host: string }, tap: TapCallback) {
    this.#number = number
    this.#client = client
    this.#target = target
    this.#tap = tap
    client.setNoDelay(true)
    client.on('error', () => tearDown(this.#server))
  }

  /** Milliseconds by which every chunk that arrives from now on is held back. */
  set delayMs(ms: number) {
    this.#delayMs = ms
    for (const lane of this.#lanes) lane.delayMs = ms
  }

  /** Calls back when the client's end is closed. */
  onClosed(callback: () => void): void {
    this.#client.once('close', callback)
  }

  /** Delivers, beginning with what waited. The first time, this is when the server is called. */
  pass(): void {
    if (this.#server === undefined) this.#lanes = this.#connect()
    for (const lane of this.#lanes) lane.pass()
  }

  /** Delivers nothing more; both ends still see an open socket. */
  silence(): void {
    for (const lane of this.#lanes) lane.silence()
  }

  /** Resets both ends. */
  reset(): void {
    tearDown(this.#client)
    tearDown(this.#server)
  }

  #connect(): ProxyLane[] {
    const client = this.#client
    const server = createConnection({ ...this.#target, allowHalfOpen: true, noDelay: true })
    server.on('error', () => tearDown(client))
    this.#server = server
    const lanes = [
      new ProxyLane(client, server, (chunk) => this.#tap('up', chunk, this.#number)),
      new ProxyLane(server, client, (chunk) => this.#tap('down', chunk, this.#number)),
    ]
    for (const lane of lanes) lane.delayMs = this.#delayMs
    return lanes
  }
}

/** Ends a connection with a reset, so that the other end sees an error. */
function tearDown(socket: Socket | undefined): void {
  // While its FIN is on the way out, libuv refuses the reset and Node believes it was done (tcp_wrap.cc, TCPWrap::Reset):
  // the socket would stay open for ever, and at its end this process would wait for it, at full speed.
  if (socket?.writableEnded === true && !socket.writableFinished) socket.destroy()
  else socket?.resetAndDestroy()
}
