import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { AppError, reasonOf } from '../errors.ts'

/** The PEM files of one connection; an empty path means none. `names` are those of the settings, for people. */
export interface TlsFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly passphrase?: string
  readonly names: { readonly ca: string; readonly cert: string; readonly key: string; readonly passphrase?: string }
}

/** What is in the files, as `tls.connect` takes it. */
export interface TlsMaterial {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly passphrase?: string
}

/** What is in the files, and a hash of it by which a renewal is noticed. */
export interface TlsContent {
  readonly material: TlsMaterial
  readonly hash: string
  /** Our own certificate; undefined without one. */
  readonly own: X509Certificate | undefined
}

const CERTIFICATE =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]+?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

/**
 * Reads the files of a connection. To be called for each connection: a renewed certificate is used by the next one.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG that names the file and what is expected in it
 */
export function readTlsFiles(files: TlsFiles): TlsContent {
  const { names, passphrase = '' } = files
  const ca = files.ca === '' ? undefined : readText(files.ca, names.ca, 'certificates')
  const cert = files.cert === '' ? undefined : readText(files.cert, names.cert, 'a certificate')
  const key = files.key === '' ? undefined : readText(files.key, names.key, 'a private key')
  if (ca !== undefined) certificatesIn(ca, files.ca, names.ca)
  const own = cert === undefined ? undefined : certificatesIn(cert, files.cert, names.cert)[0]
  if (key !== undefined && own !== undefined) requirePair(own, privateKey(key, files), files)
  const hash = createHash('sha256')
    .update(JSON.stringify([ca, cert, key]))
    .digest('hex')
  const material = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(key === undefined || passphrase === '' ? {} : { passphrase }),
  }
  return { material, hash, own }
}

function readText(path: string, name: string, content: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw unusable(`the file ${path} cannot be read: ${reasonOf(error)}`, `${name} names a file with ${content} (PEM)`)
  }
  if (text.trim() === '') throw unusable(`the file ${path} is empty`, `${name} names a file with ${content} (PEM)`)
  return text
}

function certificatesIn(text: string, path: string, name: string): X509Certificate[] {
  const expected = `${name} names a PEM file: it begins with -----BEGIN CERTIFICATE-----`
  const blocks = text.match(CERTIFICATE) ?? []
  if (blocks.length === 0) throw unusable(`the file ${path} holds no certificate`, expected)
  return blocks.map((block) => {
    try {
      return new X509Certificate(block)
    } catch {
      throw unusable(`the file ${path} holds a certificate that cannot be read: it is damaged or cut off`, expected)
    }
  })
}

function privateKey(text: string, { key, passphrase = '', names }: TlsFiles): KeyObject {
  try {
    return createPrivateKey({ key: text, ...(passphrase === '' ? {} : { passphrase }) })
  } catch (error) {
    const code = String((error as { code?: unknown }).code)
    if (/PASSPHRASE|INTERRUPTED/.test(code)) {
      throw unusable(`the key in ${key} is encrypted`, `set ${names.passphrase ?? 'a key without a passphrase'}`)
    }
    if (/BAD_DECRYPT|PKCS12|BAD_PASSWORD/.test(code) && passphrase !== '') {
      throw unusable(`the key in ${key} does not open with the passphrase`, `correct ${names.passphrase ?? 'it'}`)
    }
    const expected = `${names.key} names a PEM file: it begins with -----BEGIN PRIVATE KEY----- or the like`
    throw unusable(`the file ${key} holds no private key that can be read`, expected)
  }
}

function requirePair(own: X509Certificate, key: KeyObject, { cert, key: path, names }: TlsFiles): void {
  if (own.checkPrivateKey(key)) return
  const todo = `${names.cert} and ${names.key} belong together; the certificate comes first in its file, its chain after it`
  throw unusable(`the key in ${path} is not that of the certificate in ${cert}`, todo)
}

function unusable(what: string, hint: string): AppError {
  return new AppError('NEMO_MQTT_ERR_CONFIG', what, { hint })
}
