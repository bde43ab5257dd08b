import pg from 'pg'

/** Longest wait for one answer of PostgreSQL, in milliseconds; after it the connection counts as dead. */
const ANSWER_MS = 10_000

// What the server would go on with after we gave up, it must end too. Not as a start-up option, which PgBouncer refuses;
// and not at all behind a pooler, where it would apply to whoever gets that connection next.
const LIMIT = `select set_config('statement_timeout', '${ANSWER_MS}', false) where pg_backend_pid() = $1`

/**
 * The connections with which the service works.
 *
 * A network that hangs leaves all of them dead at once, without an error, and each would be found out only by its own
 * long wait, one after the other. So when one turned out dead, those that idle are thrown away with it.
 *
 * @param onLost is told when a connection that idles dies
 * @param max how many at most
 */
export function createPool(databaseUrl: string, onLost: (error: Error) => void, max = 4): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'nemo-mqtt',
    max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    Client: clientOrFailure as unknown as new () => pg.ClientBase,
    onConnect: (client) => client.query(LIMIT, [backendPid(client)]),
  })
  // Without a listener Node would end the process (pg, `Pool` events).
  pool.on('error', onLost)
  pool.on('release', (error: unknown) => {
    // What the server itself says, such as "no such table", is no sign of a dead connection.
    if (error instanceof Error && !(error instanceof pg.DatabaseError)) discardIdle(pool)
  })
  return pool
}

/**
 * Called with `new` by the pool. The driver reads the certificate files of the URL while it makes a client, and the pool
 * makes some where nobody catches: a file that is being replaced would end the process, not fail one connection.
 */
function clientOrFailure(config: pg.ClientConfig): pg.Client {
  try {
    return new pg.Client(config)
  } catch (error) {
    const client = new pg.Client()
    const connect = (callback: (error: unknown) => void): void => process.nextTick(callback, error)
    return Object.assign(client, { connect })
  }
}

/**
 * The number of the server process at the other end, as it was told when the connection was made. A pooler makes up one
 * of its own: then `pg_backend_pid()` says something else.
 */
export function backendPid(client: pg.ClientBase): number | null {
  return (client as { processID?: number | null }).processID ?? null
}

function discardIdle(pool: pg.Pool): void {
  for (let left = pool.idleCount; left > 0; left -= 1) {
    pool.connect().then(
      (client) => client.release(true),
      () => undefined, // it died first
    )
  }
}
