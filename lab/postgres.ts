import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { embeddedPostgres } from './embedded-postgres.ts'
import { temporaryFolder } from './folder.ts'
import { onPort } from './port.ts'
import { StartedProgram } from './process.ts'
import { findProgram } from './programs.ts'
import { giveTo, type SystemUser, unprivilegedUser } from './system-user.ts'

/** How {@link startPostgres} differs from its defaults. */
export interface PostgresOptions {
  /** Used as it is when a cluster is in it, else a new one is made there. @defaultValue a temporary folder */
  dataFolder?: string
  /** @defaultValue a free one */
  port?: number
  /** Server settings, such as `{ log_statement: 'all' }`. They win over the lab's own. */
  settings?: Readonly<Record<string, string | number>>
  /** Folder of `initdb` and `postgres`. @defaultValue those of this system, else those of `embedded-postgres` */
  programs?: string
  /** Sees every line of the server's log. */
  onLine?: (line: string) => void
}

interface Place {
  port: number
  dataFolder: string
  programs: string
  user: SystemUser | undefined
}

/** A running PostgreSQL of one's own. Fast and careless: a power cut would lose data, a killed process does not. */
export class PostgresServer extends StartedProgram {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly dataFolder: string
  /** Where its programs are, `psql` and `pg_dump` too unless they are the embedded ones. */
  readonly programs: string

  constructor(place: Place, options: PostgresOptions) {
    const { port, dataFolder, programs, user } = place
    const socketFolder = temporaryFolder('postgres-socket')
    giveTo(socketFolder, user)
    super({
      name: 'PostgreSQL',
      program: join(programs, 'postgres'),
      arguments: ['-D', dataFolder, ...settingArguments(port, socketFolder, options.settings ?? {})],
      folder: dataFolder,
      user,
      stopSignal: 'SIGINT', // "fast": SIGTERM would wait until every client has left of its own accord
      isReady: () => this.execute('postgres', 'select 1'),
      ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
    })
    this.port = port
    this.dataFolder = dataFolder
    this.programs = programs
  }

  /** Connection URL of a database; the default user may do everything, nobody needs a password. */
  url(database: string, user = 'postgres'): string {
    return `postgresql://${encodeURIComponent(user)}@${this.host}:${this.port}/${encodeURIComponent(database)}`
  }

  /** Makes a database, as a copy of another where a template is given, and gives its URL. */
  async createDatabase(name: string, template = 'template0'): Promise<string> {
    await this.execute('postgres', `create database ${quote(name)} template ${quote(template)}`)
    return this.url(name)
  }

  /** Removes a database, whoever is still connected. */
  async dropDatabase(name: string): Promise<void> {
    await this.execute('postgres', `drop database if exists ${quote(name)} with (force)`)
  }

  /** Its release, such as `15.14`. */
  async version(): Promise<string> {
    const [row] = await this.execute('postgres', 'show server_version')
    return String(row?.server_version).split(' ')[0] ?? ''
  }

  /** Runs SQL text, one statement or many, on a connection of its own and gives the rows of the last statement. */
  async execute(database: string, sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url(database), connectionTimeoutMillis: 5_000 })
    client.on('error', () => undefined) // the query fails with it, which is where it belongs
    try {
      await client.connect()
      const results: pg.QueryResult | pg.QueryResult[] = await client.query(sql)
      return (Array.isArray(results) ? results.at(-1) : results)?.rows ?? []
    } finally {
      await client.end()
    }
  }
}

/** Starts a PostgreSQL on loopback, with a new cluster unless the data folder holds one. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const user = unprivilegedUser()
  const programs = options.programs ?? installedPostgres() ?? embeddedPostgres()
  const dataFolder = options.dataFolder ?? join(temporaryFolder('postgres'), 'data')
  if (!existsSync(join(dataFolder, 'PG_VERSION'))) makeCluster(programs, dataFolder, user)
  return await onPort(options.port, async (port) => {
    const server = new PostgresServer({ port, dataFolder, programs, user }, options)
    await server.start()
    return server
  })
}

/** The folder of this system's `initdb` and `postgres`, if it has them; links to it are followed. */
export function installedPostgres(): string | undefined {
  const path = findProgram('initdb')
  const folder = path === undefined ? undefined : dirname(realpathSync(path))
  return folder !== undefined && existsSync(join(folder, 'postgres')) ? folder : undefined
}

function makeCluster(programs: string, dataFolder: string, user: SystemUser | undefined): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  giveTo(dataFolder, user)
  // Locale C sorts alike on every system, and a slim container has no other.
  const how = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions']
  const run = spawnSync(join(programs, 'initdb'), ['-D', dataFolder, ...how], {
    cwd: dataFolder,
    encoding: 'utf8',
    ...user,
  })
  if (run.status !== 0) throw new Error(`initdb failed: ${run.error?.message ?? run.stderr.trim()}`)
}

function settingArguments(
  port: number,
  socketFolder: string,
  own: Readonly<Record<string, string | number>>,
): string[] {
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    // A socket's path holds 107 bytes at most, and some systems have long names for their temporary folders.
    unix_socket_directories: socketFolder.length < 80 ? socketFolder : '',
    max_connections: 200,
    fsync: 'off',
    full_page_writes: 'off',
    timezone: 'UTC',
    ...own,
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

function quote(identifier: string): string {
  return pg.escapeIdentifier(identifier)
}
