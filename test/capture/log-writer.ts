import pg from 'pg'

/**
 * Writes into the change log as NEMO's transactions do through the trigger: the transaction has its number before it
 * takes an id, because it has changed a row of NEMO's by then.
 */
export class LogWriter {
  readonly client: pg.Client

  constructor(url: string) {
    this.client = new pg.Client({ connectionString: url })
  }

  /** Connects. */
  async open(): Promise<this> {
    await this.client.connect()
    return this
  }

  /** Begins a transaction that has a number of its own. */
  async begin(): Promise<void> {
    await this.client.query('begin')
    await this.client.query('select txid_current()')
  }

  /** Takes ids; gives them. The row holds `text` and so many bytes more. */
  async write(count = 1, text = '', bytes = 0): Promise<string[]> {
    const { rows } = await this.client.query<{ id: string }>(
      `insert into nemo_mqtt.change_log (tbl, op, new)
       select 'NEMO_tool', 'INSERT', jsonb_build_object('id', 1, 'name', $2::text, 'filler', repeat('x', $3))
         from generate_series(1, $1) returning id`,
      [count, text, bytes],
    )
    return rows.map((row) => row.id)
  }

  /** Writes and commits. */
  async commitOne(): Promise<string> {
    await this.begin()
    const [id = ''] = await this.write()
    await this.commit()
    return id
  }

  /** Commits. */
  async commit(): Promise<void> {
    await this.client.query('commit')
  }

  /** Rolls back. */
  async rollback(): Promise<void> {
    await this.client.query('rollback')
  }
}
