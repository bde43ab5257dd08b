import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import pg from 'pg'
import { AppError, codeOf, reasonOf } from '../errors.ts'
import { explain, faultOf, type TlsWords, type Trouble, tlsCode } from '../tls/fault.ts'
import { readTlsFiles, type TlsFiles } from '../tls/files.ts'
import { type CertificateReport, describe, lookAtPeer, type PeerReport } from '../tls/peer.ts'

/** Longest look at the certificate, in milliseconds. */
const LOOK_MS = 2_000

/** Asks whether there is TLS (https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

const URL_NAME = 'NEMO_MQTT_DATABASE_URL'
const NAMES: TlsFiles['names'] = {
  ca: `sslrootcert in ${URL_NAME}`,
  cert: `sslcert in ${URL_NAME}`,
  key: `sslkey in ${URL_NAME}`,
}
const VERIFIED = '?sslmode=verify-full&sslrootcert=FILE'

/**
 * What TLS has to do with a connection to PostgreSQL that failed; undefined when it has nothing. Looks at the
 * certificate of the server once more, to tell whose it is and until when.
 */
export async function databaseTlsTrouble(url: string, error: unknown): Promise<Trouble | undefined> {
  const why = reasonOf(error)
  if (/does not support SSL connections/.test(why)) {
    const todo = `turn on ssl at the server, or take sslmode out of ${URL_NAME} where the way to it is safe`
    return { why, todo }
  }
  if (codeOf(error) === '28000' && /no encryption|SSL off/.test(why)) {
    const todo = `let the server’s pg_hba.conf allow this role; or, where it wants TLS, add ${VERIFIED} to ${URL_NAME}`
    return { why, todo }
  }
  const fault = faultOf(error)
  const isFile = (error as { syscall?: unknown } | null)?.syscall === 'open' // the driver reads the files itself
  if (!URL.canParse(url) || (fault === undefined && !isFile)) return undefined
  let own: CertificateReport | undefined
  try {
    const content = readTlsFiles(filesOf(url))
    own = content.own === undefined ? undefined : describe(content.own)
  } catch (unusable) {
    if (unusable instanceof AppError) return { why: unusable.message, todo: unusable.hint ?? '' }
    throw unusable
  }
  if (fault === undefined) return undefined
  return explain(fault, wordsFor(url), { code: tlsCode(error), peer: await look(url), own })
}

async function look(url: string): Promise<PeerReport | undefined> {
  const signal = AbortSignal.timeout(LOOK_MS)
  let socket: Socket | undefined
  try {
    const { host, port, ssl } = new pg.Client({ connectionString: url })
    const given: ConnectionOptions = typeof ssl === 'object' ? ssl : {}
    socket = connect({ host, port })
    socket.on('error', () => undefined) // what is awaited fails with it
    await once(socket, 'connect', { signal })
    socket.write(SSL_REQUEST)
    const [answer] = (await once(socket, 'data', { signal })) as [Buffer]
    if (answer.toString() !== 'S') return undefined
    // As the driver does it.
    const name = isIP(host) === 0 ? { servername: host } : {}
    return await lookAtPeer({ ...given, socket, host, ...name }, signal)
  } catch {
    return undefined // what was thrown first is told
  } finally {
    socket?.destroy()
  }
}

function filesOf(url: string): TlsFiles {
  const { searchParams } = new URL(url)
  const of = (name: string): string => searchParams.get(name) ?? ''
  return { ca: of('sslrootcert'), cert: of('sslcert'), key: of('sslkey'), names: NAMES }
}

function wordsFor(url: string): TlsWords {
  const { host, hostname } = new URL(url)
  return {
    who: 'PostgreSQL',
    at: host,
    host: hostname,
    hasOwn: filesOf(url).cert !== '',
    ca: NAMES.ca,
    cert: `sslcert and sslkey in ${URL_NAME}`,
    name: `write that host in ${URL_NAME}`,
    plain: `take sslmode out of ${URL_NAME}`,
  }
}
