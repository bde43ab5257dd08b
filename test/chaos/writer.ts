import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Random } from '../../lab/life/random.ts'
import { until } from '../../lab/wait.ts'
import type { Ledger } from './ledger.ts'

/** Rows that all writers change. */
export interface SharedRows {
  readonly tools: readonly number[]
  readonly reservation: number
}

/** What one transaction did, to be written into the ledger if it was committed. */
interface Draft {
  readonly records: Array<(ledger: Ledger) => void>
  readonly reservations: Map<number, string>
  readonly tasks: Set<number>
  usage: number | undefined
}

const ROLLBACK = 0.3
// Not the transaction's number: after a crash PostgreSQL may give a number that it had given before.
const MARK = 'insert into chaos_mark (mark, whose) values ($1, $2) on conflict do nothing'
const ENOUGH = 8

/**
 * A part of NEMO that writes all the time, to a tool, tasks, reservations and usages of its own and to rows that others
 * write too, and that knows what it committed: when the connection breaks during a commit it asks what became of it.
 */
export class Writer {
  readonly #name: string
  readonly #url: string
  readonly #tool: number
  readonly #shared: SharedRows
  readonly #random: Random
  readonly #ledger: Ledger
  #client: pg.Client | undefined
  #tokens = 0
  #reservations = new Map<number, string>()
  #tasks = new Set<number>()
  #usage: number | undefined

  constructor(name: string, url: string, tool: number, shared: SharedRows, random: Random, ledger: Ledger) {
    this.#name = name
    this.#url = url
    this.#tool = tool
    this.#shared = shared
    this.#random = random
    this.#ledger = ledger
  }

  /** Writes until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#transaction(signal)
      await delay(this.#random.between(5, 60))
    }
    await this.#client?.end()
  }

  async #transaction(signal: AbortSignal): Promise<void> {
    const draft: Draft = {
      records: [],
      reservations: new Map(this.#reservations),
      tasks: new Set(this.#tasks),
      usage: this.#usage,
    }
    const mark = this.#token()
    let isCommitted = false
    try {
      const client = await this.#connected()
      await client.query('begin')
      await client.query(MARK, [mark, 'writer'])
      await this.#act(client, draft)
      const isWanted = !this.#random.chance(ROLLBACK)
      if (this.#random.chance(0.1)) await delay(this.#random.between(20, 300)) // others commit meanwhile
      await client.query(isWanted ? 'commit' : 'rollback')
      isCommitted = isWanted
    } catch {
      this.#drop()
      isCommitted = await this.#wasCommitted(mark)
      if (signal.aborted) await delay(50)
    }
    if (!isCommitted) {
      this.#ledger.rollbacks += 1
      return
    }
    this.#ledger.commits += 1
    for (const record of draft.records) record(this.#ledger)
    this.#reservations = draft.reservations
    this.#tasks = draft.tasks
    this.#usage = draft.usage
  }

  async #act(client: pg.Client, draft: Draft): Promise<void> {
    for (let left = this.#random.between(1, 3); left > 0; left -= 1) {
      if (this.#random.chance(0.1)) {
        await client.query('savepoint attempt')
        await this.#one(client, { ...draft, records: [], reservations: new Map(draft.reservations), tasks: new Set() })
        await client.query('rollback to attempt')
      } else {
        await this.#one(client, draft)
      }
    }
  }

  async #one(client: pg.Client, draft: Draft): Promise<void> {
    const kinds = [this.#sharedTool, this.#sharedReservation, this.#ownTool, this.#reservation, this.#task, this.#use]
    await this.#random.one(kinds)?.call(this, client, draft)
  }

  async #sharedTool(client: pg.Client, { records }: Draft): Promise<void> {
    const tool = this.#random.one(this.#shared.tools) ?? 0
    const category = await one(
      client,
      `update "NEMO_tool" set category = split_part(category, ' ', 1)::int + 1 || ' ' || $2 where id = $1
       returning category as value`,
      [tool, this.#token()],
    )
    records.push((ledger) =>
      ledger.addShared(`tools/${tool}`, Number.parseInt(category, 10), `tool_updated ${category}`),
    )
  }

  async #sharedReservation(client: pg.Client, { records }: Draft): Promise<void> {
    const id = this.#shared.reservation
    const title = await one(
      client,
      `update "NEMO_reservation" set title = split_part(title, ' ', 1)::int + 1 || ' ' || $2 where id = $1
       returning title as value`,
      [id, this.#token()],
    )
    const key = `reservation_updated ${title}`
    records.push((ledger) => ledger.addShared(`reservations/${id}`, Number.parseInt(title, 10), key))
  }

  // One change that becomes two or three messages.
  async #ownTool(client: pg.Client, { records }: Draft): Promise<void> {
    const token = this.#token()
    const operational = await one(
      client,
      'update "NEMO_tool" set category = $2, operational = not operational where id = $1 returning operational as value',
      [this.#tool, token],
    )
    const entity = `tools/${this.#tool}`
    records.push((ledger) => {
      ledger.add(entity, `tool_updated ${token}`)
      ledger.add(entity, `${operational ? 'tool_enabled' : 'tool_disabled'} ${token}`)
    })
  }

  async #reservation(client: pg.Client, { records, reservations }: Draft): Promise<void> {
    const token = this.#token()
    const known = reservations.size >= 3 ? this.#random.one([...reservations.keys()]) : undefined
    if (known === undefined) {
      const id = await one(
        client,
        `insert into "NEMO_reservation" (start, "end", creator_id, user_id, tool_id, title)
         values (now(), now() + interval '1 hour', 3, 3, $1, $2) returning id as value`,
        [this.#tool, token],
      )
      reservations.set(Number(id), token)
      records.push((ledger) => ledger.add(`reservations/${id}`, `reservation_created ${token}`))
    } else if (reservations.size > ENOUGH) {
      await client.query('delete from "NEMO_reservation" where id = $1', [known])
      const last = reservations.get(known)
      reservations.delete(known)
      records.push((ledger) => ledger.add(`reservations/${known}`, `reservation_deleted ${last}`))
    } else {
      await client.query('update "NEMO_reservation" set title = $2 where id = $1', [known, token])
      reservations.set(known, token)
      records.push((ledger) => ledger.add(`reservations/${known}`, `reservation_updated ${token}`))
    }
  }

  async #task(client: pg.Client, { records, tasks }: Draft): Promise<void> {
    const token = this.#token()
    const known = tasks.size < ENOUGH ? undefined : this.#random.one([...tasks])
    if (known === undefined) {
      const id = await one(
        client,
        'insert into "NEMO_task" (tool_id, creator_id, problem_description) values ($1, 3, $2) returning id as value',
        [this.#tool, token],
      )
      tasks.add(Number(id))
    } else {
      await client.query('update "NEMO_task" set problem_description = $2 where id = $1', [known, token])
    }
    const key = `${known === undefined ? 'task_created' : 'task_updated'} ${token}`
    records.push((ledger) => ledger.add(`tools/${this.#tool}`, key))
  }

  async #use(client: pg.Client, draft: Draft): Promise<void> {
    const { usage } = draft
    if (usage === undefined) {
      const id = await one(
        client,
        `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id) values ($1, 3, 3, 1)
         returning id as value`,
        [this.#tool],
      )
      draft.usage = Number(id)
    } else {
      await client.query('update "NEMO_usageevent" set "end" = now(), has_ended = id where id = $1', [usage])
      draft.usage = undefined
    }
    const key = usage === undefined ? `tool_usage_start ${draft.usage}` : `tool_usage_end ${usage}`
    draft.records.push((ledger) => ledger.add(`tools/${this.#tool}`, key))
  }

  #token(): string {
    this.#tokens += 1
    return `${this.#name}-${this.#tokens}`
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client
    const client = new pg.Client({ connectionString: this.#url, connectionTimeoutMillis: 5_000, query_timeout: 20_000 })
    client.on('error', () => undefined) // the query that runs fails with it
    await client.connect()
    this.#client = client
    return client
  }

  #drop(): void {
    this.#client?.end().catch(() => undefined)
    this.#client = undefined
  }

  async #wasCommitted(mark: string): Promise<boolean> {
    const whose = await until(
      async () => {
        try {
          const client = await this.#connected()
          await client.query(MARK, [mark, 'nobody']) // waits for a transaction that still holds the mark
          return await one(client, 'select whose as value from chaos_mark where mark = $1', [mark])
        } catch (error) {
          this.#drop()
          throw error
        }
      },
      { deadlineMs: 60_000, everyMs: 100, what: `${this.#name} to learn what became of transaction ${mark}` },
    )
    return whose === 'writer'
  }
}

async function one(client: pg.Client, text: string, values: unknown[]): Promise<string> {
  const { rows } = await client.query<{ value: string }>(text, values)
  const [row] = rows
  if (row === undefined) throw new Error(`no row: ${text}`)
  return row.value
}
