import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { embeddedPostgres } from '../../lab/embedded-postgres.ts'
import { installedPostgres, type PostgresServer, startPostgres } from '../../lab/postgres.ts'
import { until } from '../../lab/wait.ts'
import { cacheFolder, takeLock } from './cache-folder.ts'

/** A server that several test files use. */
export interface SharedPostgres {
  readonly server: PostgresServer
  /** Whether its databases are there again in the next run. */
  readonly isKept: boolean
  /** Ends it and lets the next run have the kept databases. */
  readonly stop: () => Promise<void>
}

/**
 * Starts the server that all test files of a run may use. Migrating an empty NEMO takes half a minute a release, so its
 * cluster, with the template databases in it, is kept from one run to the next. A second run at the same time gets a
 * temporary one, and so does a run whose cache cannot be used: it takes longer, but it works.
 *
 * @param folder - keeps the cluster; by default the cache folder of this user
 */
export async function startSharedPostgres(folder?: string): Promise<SharedPostgres> {
  const programs = installedPostgres() ?? embeddedPostgres()
  try {
    return await startKept(programs, join(folder ?? cacheFolder(), `postgres-${majorVersion(programs)}`))
  } catch (error) {
    process.stderr.write(`no kept PostgreSQL in this run, which makes it longer: ${(error as Error).message}\n`)
    const server = await startPostgres({ programs })
    return { server, isKept: false, stop: () => server.stop() }
  }
}

async function startKept(programs: string, dataFolder: string): Promise<SharedPostgres> {
  const release = await takeLock(`${dataFolder}.lock`)
  if (release === undefined) throw new Error(`${dataFolder} is in use`)
  try {
    const server = await startCluster(programs, dataFolder)
    return { server, isKept: true, stop: () => server.stop().finally(release) }
  } catch (error) {
    release()
    throw error
  }
}

async function startCluster(programs: string, dataFolder: string): Promise<PostgresServer> {
  await repair(dataFolder)
  try {
    return await start(programs, dataFolder)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nthe kept PostgreSQL does not start and is made anew\n`)
    rmSync(dataFolder, { recursive: true, force: true })
    return await start(programs, dataFolder)
  }
}

async function start(programs: string, dataFolder: string): Promise<PostgresServer> {
  const server = await startPostgres({ programs, dataFolder })
  writeFileSync(bootFile(dataFolder), bootId())
  try {
    await tidy(server)
    return server
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** Makes a cluster usable again whose last run was killed. */
async function repair(dataFolder: string): Promise<void> {
  const pidFile = join(dataFolder, 'postmaster.pid')
  if (!existsSync(pidFile)) return
  // Its processes see that they are orphans and end, which takes them a moment.
  await until(() => processesIn(dataFolder) === 0, { what: `the last server in ${dataFolder} to be gone` })
  const wasThisBoot = existsSync(bootFile(dataFolder)) && readFileSync(bootFile(dataFolder), 'utf8') === bootId()
  // The lab's servers do not wait for the disk. A killed server loses nothing by it, a machine that lost power does.
  if (wasThisBoot)
    rmSync(pidFile, { force: true }) // its number may be another program's by now
  else rmSync(dataFolder, { recursive: true, force: true })
}

/** Removes what tests that were killed have left: all but the templates. */
async function tidy(server: PostgresServer): Promise<void> {
  const databases = await server.execute(
    'postgres',
    `select datname as name from pg_database where not datistemplate and datname <> 'postgres'`,
  )
  for (const { name } of databases) await server.dropDatabase(String(name))
  const roles = await server.execute(
    'postgres',
    `select rolname as name from pg_roles where rolname <> 'postgres' and rolname !~ '^pg_'`,
  )
  for (const { name } of roles) await server.execute('postgres', `drop role ${pg.escapeIdentifier(String(name))}`)
}

function majorVersion(programs: string): string {
  const { stdout } = spawnSync(join(programs, 'postgres'), ['--version'], { encoding: 'utf8' })
  const [version] = /\d+/.exec(stdout) ?? []
  if (version === undefined) throw new Error(`${programs}/postgres does not tell its version`)
  return version
}

/** Every process of a PostgreSQL server works in its data folder. */
function processesIn(folder: string): number {
  const places = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return places.filter((pid) => workingFolder(pid) === folder).length
}

function workingFolder(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined // it has ended, or is not ours to look at
  }
}

function bootFile(dataFolder: string): string {
  return `${dataFolder}.boot`
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')
  } catch {
    return '' // not Linux; without flock there is no kept cluster either
  }
}
