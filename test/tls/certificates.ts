import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../../lab/folder.ts'
import { requirePrograms } from '../../lab/install.ts'

/** A certificate and its key, as PEM files. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** From when and until when, as OpenSSL writes it, `YYYYMMDDHHMMSSZ`. */
export interface CertificateTime {
  readonly from?: string
  readonly to?: string
}

/** How a certificate differs from one that is in order, for `localhost` and 127.0.0.1. */
export interface CertificateOptions extends CertificateTime {
  /** @defaultValue localhost */
  readonly name?: string
  /** Such as `DNS:localhost,IP:127.0.0.1`, which is the default; empty for none. */
  readonly names?: string
}

const folder = temporaryFolder('certificates')
let openssl: string | undefined
let files = 0

/** An authority that signs certificates; its own is in `cert`. */
export class Authority implements CertificateFiles {
  readonly cert: string
  readonly key: string
  readonly #folder: string

  constructor(name: string, time: CertificateTime = {}) {
    this.#folder = join(folder, `authority-${++files}`)
    this.cert = `${this.#folder}.pem`
    this.key = `${this.#folder}.key`
    newKey(this.key)
    writeFileSync(`${this.#folder}.index`, '')
    writeFileSync(
      `${this.#folder}.cnf`,
      `[ca]\ndefault_ca = ours\n[ours]\ndatabase = ${this.#folder}.index\nnew_certs_dir = ${folder}\nrand_serial = yes
default_md = sha256\npolicy = any\nunique_subject = no\n[any]\norganizationName = optional\ncommonName = supplied\n`,
    )
    const request = `${this.#folder}.csr`
    run(['req', '-new', '-key', this.key, '-out', request, '-subj', `/O=Laboratory/CN=${name}`])
    this.#sign(request, this.cert, time, 'basicConstraints=critical,CA:TRUE\n', ['-selfsign'])
  }

  /** Makes a certificate and its key. */
  sign(options: CertificateOptions = {}): CertificateFiles {
    const { name = 'localhost', names = 'DNS:localhost,IP:127.0.0.1' } = options
    const place = join(folder, `certificate-${++files}`)
    const made = { cert: `${place}.pem`, key: `${place}.key` }
    newKey(made.key)
    run(['req', '-new', '-key', made.key, '-out', `${place}.csr`, '-subj', `/CN=${name}`])
    const extensions = `basicConstraints=CA:FALSE\n${names === '' ? '' : `subjectAltName=${names}\n`}`
    this.#sign(`${place}.csr`, made.cert, options, extensions, ['-cert', this.cert])
    return made
  }

  #sign(request: string, cert: string, time: CertificateTime, extensions: string, how: readonly string[]): void {
    writeFileSync(`${cert}.ext`, extensions)
    const times = time.to === undefined ? ['-days', '30'] : ['-enddate', time.to]
    if (time.from !== undefined) times.push('-startdate', time.from)
    const names = ['-config', `${this.#folder}.cnf`, '-keyfile', this.key, '-extfile', `${cert}.ext`]
    run(['ca', '-batch', '-notext', ...names, ...times, ...how, '-in', request, '-out', cert])
  }
}

/** Writes a key again, under a passphrase. */
export function encryptKey(key: string, passphrase: string): string {
  const path = join(folder, `encrypted-${++files}.key`)
  run(['pkcs8', '-topk8', '-in', key, '-out', path, '-passout', `pass:${passphrase}`])
  return path
}

/** A file of the test's own among the certificates. */
export function plainFile(text: string): string {
  const path = join(folder, `file-${++files}.pem`)
  writeFileSync(path, text)
  return path
}

// Elliptic curves: an RSA key takes a second on a small machine.
function newKey(path: string): void {
  run(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path])
}

function run(words: readonly string[]): void {
  openssl ??= requirePrograms(['openssl'])[0] ?? ''
  execFileSync(openssl, words, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder })
}
