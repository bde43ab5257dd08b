import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const LOWEST = 20_000
const given = new Set<number>()

/**
 * A loopback port where nobody listens now.
 *
 * @remarks Not from the range the kernel hands out to outgoing connections: while a server is being restarted, a client
 * that knocks at its port could otherwise be given that very port as its own, be connected to itself, and keep the
 * server from coming back.
 */
export async function freePort(): Promise<number> {
  const highest = Math.max(LOWEST + 2_000, firstEphemeralPort() - 1)
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(LOWEST, highest + 1)
    if (!given.has(port) && (await isFree(port))) {
      given.add(port)
      return port
    }
  }
  throw new Error(`no free port between ${LOWEST} and ${highest} on 127.0.0.1`)
}

/**
 * Runs a start on the given port, or on free ones until one works: between looking and listening another program may
 * have taken it.
 */
export async function onPort<T>(port: number | undefined, start: (port: number) => Promise<T>): Promise<T> {
  if (port !== undefined) return await start(port)
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (attempt === 5 || !/in use|EADDRINUSE/i.test(String(error))) throw error
    }
  }
}

function firstEphemeralPort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0])
  } catch {
    return 49_152 // what IANA says, and what systems without /proc use
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
