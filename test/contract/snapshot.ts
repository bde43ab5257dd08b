import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SCHEMA_NAMES, schemaOf } from '../../src/contract/schemas.ts'
import { TOPICS } from '../../src/contract/topics.ts'
import { CONTRACT_VERSION } from '../../src/contract/version.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'

const FILE = join(PACKAGE_ROOT, 'test', 'golden', 'contract.json')

/** A contract as it was promised with a version. */
export interface Snapshot {
  readonly version: string
  readonly topics: Readonly<Record<string, string>>
  readonly schemas: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** What this program promises. */
export function presentContract(): Snapshot {
  const schemas = Object.fromEntries(SCHEMA_NAMES.map((name) => [name, schemaOf(name)]))
  return { version: CONTRACT_VERSION, topics: TOPICS, schemas }
}

/** What was promised when somebody last said so. */
export function promisedContract(): Snapshot {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Snapshot
}

/** What of a promise is broken: topics that moved, schemas or keys that vanished or mean something else. */
export function brokenPromises(promised: Snapshot, present: Snapshot): string[] {
  const moved = Object.entries(promised.topics).filter(([name, topic]) => present.topics[name] !== topic)
  const schemas = Object.entries(promised.schemas).flatMap(([name, schema]) =>
    present.schemas[name] === undefined ? [`${name} is gone`] : broken(name, schema, present.schemas[name]),
  )
  return [...moved.map(([name]) => `topic of ${name}`), ...schemas]
}

function broken(path: string, promised: unknown, present: unknown): string[] {
  const [old, now] = [described(promised), described(present)]
  if (typeof old !== 'object' || old === null)
    return old === now ? [] : [`${path} was ${old}, is ${JSON.stringify(now)}`]
  if (typeof now !== 'object' || now === null) return [`${path} is gone`]
  // A list of keys that are always there may grow; every other list and text is what it was.
  if (Array.isArray(old)) {
    return old.every(
      (item) => Array.isArray(now) && now.some((other) => JSON.stringify(other) === JSON.stringify(item)),
    )
      ? []
      : [`${path} was ${JSON.stringify(old)}, is ${JSON.stringify(now)}`]
  }
  return Object.entries(old).flatMap(([key, value]) =>
    broken(`${path}/${key}`, value, (now as Record<string, unknown>)[key]),
  )
}

// Words for people may be improved at any time.
function described(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { description: _, ...rest } = value as Record<string, unknown>
  return typeof (value as { description?: unknown }).description === 'string' ? rest : value
}

/** Promises what the program does now: run `node dist/test/contract/snapshot.js` after the version was raised. */
if (process.argv[1] === import.meta.filename) {
  writeFileSync(FILE, `${JSON.stringify(presentContract(), null, 1)}\n`)
}
