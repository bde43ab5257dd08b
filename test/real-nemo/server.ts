import pg from 'pg'
import type { Test } from 'tap'
import { startPostgres } from '../../lab/postgres.ts'
import { nemoDatabase, type Release } from './kit.ts'

/** Databases of real NEMO releases: on the server of the whole run, which remembers migrated ones, or on one's own. */
export class NemoServer {
  readonly #port: number

  private constructor(port: number) {
    this.#port = port
  }

  /** Takes the run's server, or starts one that ends with the test. */
  static async open(t: Test): Promise<NemoServer> {
    const shared = process.env.LAB_SHARED_POSTGRES_PORT
    if (shared !== undefined) return new NemoServer(Number(shared))
    const server = await startPostgres()
    t.teardown(() => server.stop())
    return new NemoServer(server.port)
  }

  /** Makes a database of a release that is gone after the test, and gives its URL. */
  async database(t: Test, release: Release, name: string): Promise<string> {
    t.teardown(() => this.#with((client) => client.query(`drop database if exists ${name} with (force)`)))
    // Two test files that want the same release must not both migrate it.
    return await this.#with(async (client) => {
      await client.query('select pg_advisory_lock(hashtext($1))', [`${release.package} ${release.version}`])
      return await nemoDatabase(release, this.#port, name)
    })
  }

  /** Sees to it that a role is gone after the test; to be called before the database is made that gives it rights. */
  forgetRole(t: Test, name: string): void {
    t.teardown(() => this.#with((client) => client.query(`drop role if exists ${name}`)))
  }

  async #with<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.#port, user: 'postgres', database: 'postgres' })
    client.on('error', () => undefined) // the query fails with it
    try {
      await client.connect()
      return await work(client)
    } finally {
      await client.end()
    }
  }
}
