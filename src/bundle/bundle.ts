import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { fromEnvironment } from '../config/environment.ts'
import { settingsInForce } from '../config/in-force.ts'
import { secretsOf, secretsOfSource } from '../config/resolve.ts'
import type { Settings } from '../config/settings.ts'
import { AppError, reasonOf } from '../errors.ts'
import { redact } from '../log.ts'
import { PARTS, type Part } from './parts.ts'
import { cleanText, cleanValue } from './scrub.ts'
import { type TarFile, tarOf } from './tar.ts'

/** What one part may take, in milliseconds. */
const PART_MS = 20_000

/** What the parts are made from. */
export interface Site {
  readonly environment: NodeJS.ProcessEnv
  /** Undefined when they cannot be used. */
  readonly settings: Settings | undefined
}

/**
 * Writes the archive. A part that cannot be had says why; nothing is waited for longer than 20 s.
 *
 * @returns the names of the files in it
 * @throws AppError NEMO_MQTT_ERR_CONFIG when it cannot be written
 */
export async function writeBundle(file: string, environment: NodeJS.ProcessEnv): Promise<string[]> {
  const settings = await settingsInForce(environment).catch(() => undefined) // a part of its own says why
  const secrets = knownSecrets(environment, settings)
  const site = { environment, settings }
  const files = await Promise.all(PARTS.map((part) => fileOf(part, site, secrets)))
  const archive = await promisify(gzip)(tarOf(files, new Date()))
  try {
    await writeFile(file, archive, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `the archive cannot be written: ${reasonOf(error)}`, { cause: error })
  }
  return files.map(({ name }) => name)
}

async function fileOf({ name, read, isOurs }: Part, site: Site, secrets: readonly string[]): Promise<TarFile> {
  const late = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${PART_MS / 1_000} s`)), PART_MS).unref()
  })
  const clean = isOurs === true ? redact : cleanText
  try {
    const found = await Promise.race([read(site), late])
    const text = typeof found === 'string' ? found : JSON.stringify(cleanValue(found, secrets), null, 2)
    const lines = typeof found === 'string' ? text.split('\n').map((line) => clean(line, secrets)) : [text]
    return { name, text: `${lines.join('\n')}\n` }
  } catch (error) {
    return { name, text: `cannot be had: ${cleanText(reasonOf(error), secrets)}\n` }
  }
}

function knownSecrets(environment: NodeJS.ProcessEnv, settings: Settings | undefined): readonly string[] {
  const given = secretsOfSource(fromEnvironment(environment))
  return [...new Set([...given, ...(settings === undefined ? [] : secretsOf(settings))])]
}
