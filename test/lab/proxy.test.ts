import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { freePort } from '../../lab/port.ts'
import { startProxy } from '../../lab/proxy.ts'
import { until } from '../../lab/wait.ts'

/** A server that sends back what it gets, and a proxy in front of it. */
async function echoBehindProxy(t: Test) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  server.listen(await freePort(), '127.0.0.1')
  await once(server, 'listening')
  const proxy = await startProxy({ targetPort: (server.address() as { port: number }).port })
  t.teardown(async () => {
    await proxy.stop()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return proxy
}

/** A client that writes down what it hears and how it ended. */
class Client {
  heard = ''
  ending = ''
  readonly socket: Socket

  constructor(port: number) {
    this.socket = createConnection({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (chunk) => {
      this.heard += chunk.toString()
    })
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.ending = error.code ?? error.message
    })
    this.socket.on('close', () => {
      this.ending ||= 'closed'
    })
  }

  say(text: string): void {
    this.socket.write(text)
  }

  async hears(text: string): Promise<void> {
    await until(() => this.heard === text, { what: `the client to hear ${text}`, everyMs: 2 })
  }
}

/** Whatever was going to come has come when a chunk sent later on another connection is back. */
async function oneRoundTrip(port: number): Promise<void> {
  const other = new Client(port)
  other.say('?')
  await other.hears('?')
  other.socket.destroy()
}

t.test('it passes bytes both ways, counts connections and shows the bytes', async (t) => {
  const proxy = await echoBehindProxy(t)
  const seen: string[] = []
  proxy.tap((direction, chunk, connection) => seen.push(`${connection} ${direction} ${chunk}`))
  const client = new Client(proxy.port)
  client.say('hello')
  await client.hears('hello')
  t.strictSame(seen, ['1 up hello', '1 down hello'])
  t.equal(proxy.accepted, 1)
  t.equal(proxy.open, 1)
  client.socket.end()
  await until(() => client.ending === 'closed' && proxy.open === 0, { what: 'the end to be passed on' })
})

t.test('existing connections go silent while new ones work, and are heard when the silence ends', async (t) => {
  const proxy = await echoBehindProxy(t)
  const client = new Client(proxy.port)
  client.say('a')
  await client.hears('a')
  proxy.silence({ newToo: false })
  client.say('b')
  await oneRoundTrip(proxy.port)
  t.equal(client.heard, 'a')
  t.equal(client.ending, '', 'the socket stays open')
  await proxy.pass()
  await client.hears('ab')
})

t.test('new connections are accepted and hear nothing, if wanted', async (t) => {
  const proxy = await echoBehindProxy(t)
  proxy.silence({ newToo: true })
  const client = new Client(proxy.port)
  client.say('a')
  await until(() => proxy.open === 1, { what: 'the connection to be accepted' })
  const other = await echoBehindProxy(t)
  await oneRoundTrip(other.port)
  t.equal(client.heard, '')
  await proxy.pass()
  await client.hears('a')
})

t.test('reset tears connections down; refuse lets nobody in until it passes again', async (t) => {
  const proxy = await echoBehindProxy(t)
  const client = new Client(proxy.port)
  client.say('a')
  await client.hears('a')
  await proxy.refuse()
  const refused = new Client(proxy.port)
  await until(() => refused.ending, { what: 'the refusal' })
  t.equal(refused.ending, 'ECONNREFUSED')
  client.say('b')
  await client.hears('ab')
  proxy.reset()
  await until(() => client.ending, { what: 'the reset' })
  t.equal(client.ending, 'ECONNRESET')
  await proxy.pass()
  await oneRoundTrip(proxy.port)
})

t.test('a delay holds every chunk back by the same time and keeps the order', async (t) => {
  const proxy = await echoBehindProxy(t)
  const client = new Client(proxy.port)
  client.say('a')
  await client.hears('a')
  const ups: string[] = []
  proxy.tap((direction, chunk) => direction === 'up' && ups.push(chunk.toString()))
  proxy.delay(60)
  const start = performance.now()
  for (const letter of 'bcdefghijklm') {
    client.say(letter)
    await new Promise(setImmediate) // so that the proxy reads each as a chunk of its own
  }
  await client.hears('abcdefghijklm')
  const tookMs = performance.now() - start
  t.ok(ups.length > 6, `${ups.length} chunks`)
  t.ok(tookMs >= 119, `60 ms there and 60 ms back, took ${tookMs}`)
  t.ok(tookMs < ups.length * 60, `chunks do not wait for one another, took ${tookMs}`)
})

t.test('many bytes arrive whole, through a proxy that goes silent halfway', async (t) => {
  const proxy = await echoBehindProxy(t)
  const client = new Client(proxy.port)
  const text = '0123456789'.repeat(2_000_000)
  client.say(text)
  await until(() => client.heard.length > 1_000_000, { what: 'the first bytes', everyMs: 1 })
  proxy.silence({ newToo: true })
  await new Promise(setImmediate)
  t.ok(client.heard.length < text.length)
  await proxy.pass()
  await until(() => client.heard.length === text.length, { what: 'the rest' })
  t.ok(client.heard === text)
})
