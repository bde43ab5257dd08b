import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { requirePrograms } from '../lab/install.ts'
import { StartedProgram } from '../lab/process.ts'
import { PACKAGE_ROOT } from '../src/version.ts'
import { installNemo, KIT, RELEASES } from './real-nemo/kit.ts'
import { cacheFolder, takeLock } from './runner/cache-folder.ts'
import { requirePython } from './runner/python.ts'
import { type SharedPostgres, startSharedPostgres } from './runner/shared-postgres.ts'
import { Tally } from './runner/tally.ts'

const DEADLINE_MS = 3_600_000

/** What files take that have never run here, in seconds, so that the first run begins with the longest too. */
const FIRST_GUESS = [
  ['host-safety/', 200],
  ['real-nemo/', 150],
  ['chaos/', 100],
  ['lab/', 20],
] as const

// `npm test` runs everything, `npm test -- map queue` what has one of the words in its name. Every file is a process of
// its own with its own servers; what they share is one PostgreSQL that remembers NEMO's releases.
process.exitCode = (await runTests(process.argv.slice(2))) ? 0 : 1

async function runTests(words: readonly string[]): Promise<boolean> {
  const tally = new Tally({ mayNotSkip: (file) => Boolean(process.env.CI) && file.includes('/real-nemo/') })
  const files = longestFirst(testFiles(words))
  try {
    if (files.length === 0) throw new Error(`no test file has ${words.join(' or ')} in its name`)
    requirePrograms([
      'redis-server',
      'postgres',
      'initdb',
      'psql',
      'mosquitto',
      'mosquitto_sub',
      'mosquitto_pub',
      'openssl',
      'pgbouncer',
      'chromium',
      'nginx',
      'python3',
      'gcc',
      '/usr/include/stdio.h',
      '/usr/include/cjson/cJSON.h',
      '/usr/include/mbedtls/md.h',
    ])
    if (existsSync(KIT) && files.some((file) => /\/(real-nemo|host-safety)\//.test(file))) await prepareNemo()
    const postgres = await startSharedPostgres()
    await runFiles(files, postgres, tally).finally(postgres.stop)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    tally.fail('the run itself')
  }
  remember(tally.durations)
  process.stdout.write(tally.report())
  return tally.isGood
}

/** Installs what several files need: two that install the same release at once would destroy each other's work. */
async function prepareNemo(): Promise<void> {
  requirePython()
  // Not in the cache folder, which some cannot write; without a lock it goes well as long as nobody else installs.
  const unlock = await takeLock(join(tmpdir(), `nemo-mqtt-install-${process.getuid?.() ?? 0}.lock`), true)
  try {
    await installReleases()
  } finally {
    unlock?.()
  }
}

async function installReleases(): Promise<void> {
  for (const release of Object.values(RELEASES)) {
    process.stderr.write(`${release.package} ${release.version}: installed where it is missing ...\n`)
    try {
      await installNemo(release)
    } catch (error) {
      process.stderr.write(`${(error as Error).message}\n`) // its tests will fail with it; the others can do without
    }
  }
}

async function runFiles(files: readonly string[], postgres: SharedPostgres, tally: Tally): Promise<void> {
  const suite = new StartedProgram({
    name: 'tap',
    program: process.execPath,
    arguments: [fileURLToPath(new URL('./runner/suite.js', import.meta.url)), ...files],
    environment: { ...process.env, LAB_SHARED_POSTGRES_PORT: String(postgres.server.port) },
    folder: PACKAGE_ROOT,
    onLine: (line) => {
      process.stdout.write(`${line}\n`)
      tally.read(line)
    },
  })
  await suite.start()
  const outcome = await suite.ended(DEADLINE_MS)
  for (const file of files) if (!tally.durations.has(file)) tally.fail(`${file} did not run to its end`)
  if (outcome !== 0 && tally.failed === 0) tally.fail(`tap ended with ${outcome}`)
}

/** By their sources: the folder of compiled files may hold some whose source is gone. */
function testFiles(words: readonly string[]): string[] {
  return readdirSync(join(PACKAGE_ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
    .map((name) => join('dist', 'test', name.replace(/\.ts$/, '.js')))
}

function longestFirst(files: readonly string[]): string[] {
  const known = knownDurations()
  const guess = (file: string): number => FIRST_GUESS.find(([folder]) => file.includes(`/${folder}`))?.[1] ?? 5
  const seconds = (file: string): number => known[file] ?? guess(file)
  return [...files].sort((a, b) => seconds(b) - seconds(a) || a.localeCompare(b))
}

function knownDurations(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(durationsFile(), 'utf8')) as Record<string, number>
  } catch {
    return {} // the first run, or a folder that is not ours
  }
}

function remember(durations: ReadonlyMap<string, number>): void {
  try {
    const half = `${durationsFile()}.${process.pid}`
    writeFileSync(half, `${JSON.stringify({ ...knownDurations(), ...Object.fromEntries(durations) }, null, 1)}\n`)
    renameSync(half, durationsFile()) // whole, or not at all: another run may be reading
  } catch {
    // then the next run guesses
  }
}

function durationsFile(): string {
  return join(cacheFolder(), 'durations.json')
}
