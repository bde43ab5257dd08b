import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { type PostgresOptions, type PostgresServer, startPostgres } from '../../lab/postgres.ts'
import { migrate } from '../../src/db/migrate.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'

const run = promisify(execFile)

/** One row of the change log. */
export interface Captured {
  readonly id: string
  readonly tbl: string
  readonly op: string
  readonly old: Record<string, unknown> | null
  readonly new: Record<string, unknown> | null
}

/** A database on a server of one's own, with one connection that remembers what the server warned of. */
export class TestDatabase {
  readonly url: string
  readonly name: string
  readonly server: PostgresServer
  readonly warnings: string[] = []
  readonly #client: pg.Client

  private constructor(server: PostgresServer, name: string, user: string) {
    this.server = server
    this.name = name
    this.url = server.url(name, user)
    this.#client = new pg.Client({ connectionString: this.url })
    this.#client.on('error', () => undefined)
    this.#client.on('notice', ({ severity, message }) => {
      if (severity === 'WARNING') this.warnings.push(message ?? '')
    })
  }

  /** Connects to a database that exists. */
  static async open(server: PostgresServer, name: string, user = 'postgres'): Promise<TestDatabase> {
    const database = new TestDatabase(server, name, user)
    await database.#client.connect()
    return database
  }

  /** The same database on another connection, as another role where one is given. */
  again(user = 'postgres'): Promise<TestDatabase> {
    return TestDatabase.open(this.server, this.name, user)
  }

  /** Runs one statement with values, or several without, and gives the rows of the last. */
  async sql<R extends pg.QueryResultRow = Record<string, unknown>>(text: string, values?: unknown[]): Promise<R[]> {
    const results: pg.QueryResult<R> | pg.QueryResult<R>[] = await this.#client.query<R>(text, values)
    return (Array.isArray(results) ? results.at(-1) : results)?.rows ?? []
  }

  /** Runs one statement. */
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<R>> {
    return this.#client.query<R>(text, values)
  }

  /** What is in the change log, oldest first. */
  changes(): Promise<Captured[]> {
    return this.sql<{ id: string } & Captured>('select id, tbl, op, old, new from nemo_mqtt.change_log order by id')
  }

  /** What one piece of work put into the log, told as "UPDATE NEMO_tool"; the log is empty afterwards. */
  async captured(text: string): Promise<string[]> {
    await this.sql('truncate nemo_mqtt.change_log')
    await this.sql(text)
    return (await this.changes()).map(({ op, tbl }) => `${op} ${tbl}`)
  }

  /** Listens, and collects the payload of every notification. */
  async listen(): Promise<string[]> {
    const heard: string[] = []
    this.#client.on('notification', ({ channel, payload }) => heard.push(`${channel}:${payload ?? ''}`))
    await this.sql('listen nemo_mqtt')
    return heard
  }

  /** `pg_dump` of the schema, without what differs from run to run. */
  async dump(...more: string[]): Promise<string> {
    const { stdout } = await run(join(this.server.programs, 'pg_dump'), ['--schema-only', ...more, this.url], WIDE)
    return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '')
  }

  /** `psql -f FILE`, as the comments of the files advise. */
  async psql(file: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const given = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', file, this.url]
    const { stderr } = await run(PSQL(this.server), given, { ...WIDE, env: { ...process.env, ...environment } })
    return stderr
  }

  /** Runs a program of PostgreSQL, such as pg_restore. */
  async program(name: string, given: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    return await run(join(this.server.programs, name), given, { ...WIDE, env: { ...process.env, ...environment } })
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    await this.#client.end()
  }
}

/** A server with a template of sample NEMO tables, and one where they are captured. */
export class DatabaseLab {
  readonly server: PostgresServer
  #count = 0
  readonly #open: TestDatabase[] = []

  constructor(server: PostgresServer) {
    this.server = server
  }

  /** Whether pg_dump and psql are there; the embedded PostgreSQL comes without. */
  get hasClientPrograms(): boolean {
    return existsSync(join(this.server.programs, 'pg_dump'))
  }

  /** A new database with sample NEMO tables that nobody watches. */
  nemo(name?: string): Promise<TestDatabase> {
    return this.copy('sample', name)
  }

  /** A new database with sample NEMO tables that are captured. */
  captured(name?: string): Promise<TestDatabase> {
    return this.copy('captured', name)
  }

  /** A new database from any template. */
  async copy(template: string, name = `test_${++this.#count}`): Promise<TestDatabase> {
    await this.server.createDatabase(name, template)
    const database = await TestDatabase.open(this.server, name)
    this.#open.push(database)
    return database
  }

  /** Ends every connection and the server. */
  async stop(): Promise<void> {
    await Promise.all(this.#open.map((database) => database.close()))
    await this.server.stop()
  }
}

/** Puts texts in order. */
export const sorted = (texts: Iterable<string>): string[] => [...texts].sort((a, b) => (a < b ? -1 : 1))

/** Says nothing: for commands whose output does not matter to a test. */
export const silent = (): void => undefined

/**
 * Starts a server for one test file. `NEMO_MQTT_TEST_POSTGRES` names the folder of another PostgreSQL's programs, to run
 * the tests on that version.
 */
export async function startLab(
  t: { teardown: (end: () => Promise<void>) => void },
  options: Pick<PostgresOptions, 'settings' | 'programs' | 'onLine'> = {},
): Promise<DatabaseLab> {
  const programs = options.programs ?? process.env.NEMO_MQTT_TEST_POSTGRES
  const server = await startPostgres({ ...options, ...(programs === undefined ? {} : { programs }) })
  const lab = new DatabaseLab(server)
  t.teardown(() => lab.stop())
  await server.createDatabase('sample')
  await server.execute('sample', readFileSync(join(PACKAGE_ROOT, 'lab', 'sample-nemo.sql'), 'utf8'))
  await server.createDatabase('captured', 'sample')
  await migrate({ url: server.url('captured'), print: silent })
  return lab
}

const WIDE = { maxBuffer: 100_000_000 }
const PSQL = (server: PostgresServer): string => join(server.programs, 'psql')
