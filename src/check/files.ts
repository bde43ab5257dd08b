import { statSync } from 'node:fs'
import { variableOf } from '../config/environment.ts'
import { credentialFile } from '../config/secret.ts'
import { SECRET_NAMES } from '../config/settings.ts'
import { reasonOf } from '../errors.ts'
import { critical, type Finding, ok, warning } from './finding.ts'
import type { Site } from './site.ts'

/** Settings that name a file with a key. */
const KEY_FILES = ['tls_key_file', 'redis_key_file'] as const

const OTHERS_READ = 0o004
const OTHERS_WRITE = 0o002

interface SecretFile {
  /** The variable that names it. */
  readonly name: string
  readonly file: string
  /** Whether reading the settings reads it too. */
  readonly isRead: boolean
}

/** Whether anybody but owner and group can read or write a file that holds a secret. */
export async function checkSecretFiles(site: Site): Promise<readonly Finding[]> {
  const files = await secretFiles(site)
  const findings = files.flatMap(judge)
  if (findings.length > 0) return findings
  return [ok(files.length === 0 ? 'no secret is in a file' : `${files.length} files are closed to others`)]
}

async function secretFiles({ environment, settings }: Site): Promise<SecretFile[]> {
  const files: SecretFile[] = []
  for (const name of SECRET_NAMES) {
    const variable = variableOf(name)
    const file = environment[`${variable}_FILE`] || credentialFile(environment, variable)
    if (file) files.push({ name: `${variable}_FILE`, file, isRead: true })
  }
  const inForce = await settings().catch(() => undefined) // CONFIGURATION says why
  for (const name of KEY_FILES) {
    const file = inForce?.settings[name] ?? ''
    if (file !== '') files.push({ name: variableOf(name), file, isRead: false })
  }
  return files
}

function judge({ name, file, isRead }: SecretFile): Finding[] {
  let mode: number
  try {
    mode = statSync(file).mode
  } catch (error) {
    if (isRead) return [] // CONFIGURATION says it
    return [critical(`${name}: ${reasonOf(error)}`, 'correct the path, or let the service read the file')]
  }
  if ((mode & OTHERS_WRITE) !== 0) return [warning(`${name}: everybody may write to ${file}`, `chmod o-rwx ${file}`)]
  if ((mode & OTHERS_READ) !== 0) return [warning(`${name}: everybody may read ${file}`, `chmod o-rwx ${file}`)]
  return []
}
