import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import tls, { type TLSSocket, type TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { inspectBroker } from '../../src/publish/tls-trouble.ts'
import { Authority } from './certificates.ts'
import { firstWord, type Given, settingsOf } from './link.ts'

/** What the other side sees of TLS and WebSockets, and servers that no mosquitto can play. */
t.setTimeout(60_000)

const authority = new Authority('Lab CA')
const server = authority.sign({ names: 'DNS:localhost,DNS:mqtt.example.org,IP:127.0.0.1' })
const secure: Given = { broker_protocol: 'mqtts', tls_ca_file: authority.cert }

/** A server that looks at whoever connects and hangs up. */
async function stub(t: Test, options: TlsOptions = {}) {
  const seen: Array<{ servername: unknown; alpn: unknown; protocol: string | null }> = []
  const files = { cert: readFileSync(server.cert), key: readFileSync(server.key) }
  const listener = tls.createServer({ ...files, ...options }, (socket: TLSSocket) => {
    // At run time `false` without SNI, although the types do not know it.
    const { servername } = socket as { servername?: unknown }
    seen.push({ servername, alpn: socket.alpnProtocol, protocol: socket.getProtocol() })
    socket.on('error', () => undefined) // the client goes too
    socket.end()
  })
  listener.on('tlsClientError', () => undefined) // the client is told, and that is what is looked at
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => listener.close())
  return { port: (listener.address() as AddressInfo).port, seen }
}

t.test('SNI is the host, or the name that is set; an address is none', async (t) => {
  const { port, seen } = await stub(t)
  for (const [given, expected] of [
    [{ broker_host: 'localhost' }, 'localhost'],
    [{ broker_host: '127.0.0.1' }, false],
    [{ broker_host: '127.0.0.1', tls_server_name: 'mqtt.example.org' }, 'mqtt.example.org'],
    [{ broker_host: 'localhost', tls_server_name: '127.0.0.1' }, 'localhost'],
  ] as const) {
    for (const protocol of ['mqtts', 'wss']) {
      seen.length = 0
      await firstWord(t, { ...secure, ...given, broker_protocol: protocol, broker_port: port })
      t.match(seen[0], { servername: expected, alpn: false, protocol: 'TLSv1.3' }, `${protocol} ${expected}`)
    }
  }
})

t.test('ALPN is asked for when it is set', async (t) => {
  const { port, seen } = await stub(t, { ALPNProtocols: ['mqtt', 'x-amzn-mqtt-ca'] })
  for (const protocol of ['mqtts', 'wss']) {
    seen.length = 0
    await firstWord(t, { ...secure, broker_protocol: protocol, tls_alpn: 'x-amzn-mqtt-ca', broker_port: port })
    t.match(seen[0], { alpn: 'x-amzn-mqtt-ca' })
  }
  const line = await firstWord(t, { ...secure, tls_alpn: 'mqqt', broker_port: port })
  t.match(line.msg, /: the broker does not know the ALPN protocol that we ask for$/)
  t.equal(line.todo, 'correct NEMO_MQTT_TLS_ALPN')
})

t.test('TLS 1.2 is the least', async (t) => {
  const new12 = await stub(t, { maxVersion: 'TLSv1.2' })
  await firstWord(t, { ...secure, broker_port: new12.port })
  t.match(new12.seen[0], { protocol: 'TLSv1.2' })
  const old = await stub(t, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
  for (const verify of [true, false]) {
    const line = await firstWord(t, { ...secure, tls_verify: verify, broker_port: old.port })
    t.match(
      line.msg,
      /: the broker and we have no version or cipher of TLS in common \(ERR_SSL_\w+\); we speak TLS 1\.2/,
    )
    t.match(line.todo, /^let the broker speak TLS 1\.2 or 1\.3/)
  }
  t.strictSame(old.seen, [])
})

t.test('a certificate can be looked at, whatever is wrong with it', async (t) => {
  const expired = authority.sign({
    name: 'old',
    names: 'DNS:old.example.org',
    from: '20240101000000Z',
    to: '20250101000000Z',
  })
  const { port } = await stub(t, { cert: readFileSync(expired.cert), key: readFileSync(expired.key) })
  const report = await inspectBroker(settingsOf({ ...secure, broker_port: port }), new AbortController().signal)
  t.match(report, {
    subject: 'CN=old',
    issuer: 'O=Laboratory, CN=Lab CA',
    validFrom: new Date('2024-01-01T00:00:00Z'),
    validTo: new Date('2025-01-01T00:00:00Z'),
    names: ['old.example.org'],
    authorizationError: 'CERT_HAS_EXPIRED',
    refusal: undefined,
    protocol: 'TLSv1.3',
  })
  const stopped = AbortSignal.abort()
  await t.rejects(inspectBroker(settingsOf({ ...secure, broker_port: port }), stopped))
})

/** A web server that answers a WebSocket as it is told. */
async function web(t: Test, answer: (request: IncomingMessage) => string) {
  const seen: IncomingMessage[] = []
  const listener: HttpServer = createHttpServer()
  listener.on('upgrade', (request, socket) => {
    seen.push(request)
    socket.on('error', () => undefined) // the client hangs up
    socket.end(answer(request))
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => listener.close())
  return { port: (listener.address() as AddressInfo).port, seen }
}

t.test('a WebSocket asks for its path and for MQTT', async (t) => {
  const { port, seen } = await web(t, () => 'HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
  const given = { broker_protocol: 'ws', broker_port: port, broker_host: 'localhost', broker_path: '/lab/mqtt?x=1' }
  const line = await firstWord(t, given)
  t.match(seen[0], {
    url: '/lab/mqtt?x=1',
    headers: { 'sec-websocket-protocol': 'mqtt', host: `localhost:${port}`, 'sec-websocket-extensions': undefined },
  })
  const address = `ws://localhost:${port}/lab/mqtt?x=1`
  t.equal(
    line.msg,
    `no connection to the broker at ${address}: the web server at ${address} answers 404 instead of a WebSocket`,
  )
  t.equal(line.todo, 'correct NEMO_MQTT_BROKER_PATH, or start the broker behind it')
})

t.test('a WebSocket that is no broker', async (t) => {
  const accept = (key: string): string =>
    createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  const { port } = await web(t, ({ headers }) => {
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
    return [...lines, `Sec-WebSocket-Accept: ${accept(String(headers['sec-websocket-key']))}`, '', ''].join('\r\n')
  })
  const line = await firstWord(t, { broker_protocol: 'ws', broker_port: port })
  t.match(line.msg, /: the WebSocket at ws:\/\/127\.0\.0\.1:\d+\/mqtt does not speak MQTT$/)
  t.equal(line.todo, 'correct NEMO_MQTT_BROKER_PATH: another program answers there')
})

t.test('a proxy that wants to know who we are', async (t) => {
  const { port } = await web(t, () => 'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n')
  const line = await firstWord(t, { broker_protocol: 'ws', broker_port: port })
  t.match(line.msg, /answers 401 instead of a WebSocket$/)
  t.match(line.todo, /^the web server before the broker wants to know who we are/)
})
