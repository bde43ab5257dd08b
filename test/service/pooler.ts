import { writeFileSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { freePort } from '../../lab/port.ts'
import { StartedProgram } from '../../lab/process.ts'
import { unprivilegedUser } from '../../lab/system-user.ts'

/** Letter of PostgreSQL's message NotificationResponse (Frontend/Backend Protocol, Message Formats). */
const NOTIFICATION = 'A'.charCodeAt(0)

/** A proxy that swallows notifications and passes everything else. Gives its port. */
export async function startDeafProxy(t: Test, targetPort: number): Promise<number> {
  const port = await freePort()
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = createConnection(targetPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream)
    let rest = Buffer.alloc(0)
    upstream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
        const length = 1 + rest.readUInt32BE(1)
        if (rest[0] !== NOTIFICATION) client.write(rest.subarray(0, length))
        rest = rest.subarray(length)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return port
}

/** A PgBouncer in transaction mode before a PostgreSQL. Gives its port. */
export async function startPgBouncer(t: Test, program: string, targetPort: number): Promise<number> {
  const port = await freePort()
  const folder = temporaryFolder('pgbouncer')
  const file = join(folder, 'pgbouncer.ini')
  const lines = [
    '[databases]',
    `* = host=127.0.0.1 port=${targetPort} user=sidecar`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 10',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o644 })
  const bouncer: StartedProgram = new StartedProgram({
    name: 'PgBouncer',
    program,
    arguments: [file],
    folder,
    user: unprivilegedUser(), // it refuses to be root
    isReady: () => bouncer.output.includes('process up'),
  })
  await bouncer.start()
  t.teardown(() => bouncer.kill())
  return port
}
