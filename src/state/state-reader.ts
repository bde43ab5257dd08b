import type { Pool, PoolClient } from 'pg'
import { codeOf } from '../errors.ts'
import { findReadable, type Readable } from './readable.ts'
import type { StateRows } from './rows.ts'
import type { HistoryName } from './sources.ts'
import { historiesOf, LATE_IDS, type Look, stateQuery } from './state-query.ts'

// A look must not hold up whoever changes a table: neither by running long nor by standing in line for a lock. And it
// takes one core at most, and none for compiling what runs some milliseconds.
const BEGIN = `begin transaction read only; set local statement_timeout = 5000; set local lock_timeout = 500;
  set local max_parallel_workers_per_gather = 0; set local jit = off`
/** undefined_column, undefined_table, insufficient_privilege: NEMO was upgraded, or somebody changed rights. */
const NOT_READABLE = new Set(['42703', '42P01', '42501'])

/** What was read. */
export interface Read {
  readonly rows: StateRows
  /** What cannot be read, for people; null when everything can. */
  readonly problem: string | null
}

/** What counted at the last look, by which the next one finds it again. */
interface Seen {
  readonly ids: readonly string[]
  readonly newest: string
}

/** Of each history; and the reservations that were shown, by id: its tool, and whether it had begun. */
interface LastLook {
  readonly seen: ReadonlyMap<HistoryName, Seen>
  readonly shown: ReadonlyMap<string, { readonly tool: string; readonly hasBegun: boolean }>
}

/**
 * Reads what states are made from, in one statement, read-only and bounded in time.
 *
 * The first look, and one every now and then, goes everywhere. Those between find by primary key what counted before
 * and what is newer, and by index what belongs to tools of which a change was seen. What they miss is an old row that
 * counts again and of which no change was seen: the next look everywhere finds it.
 */
export class StateReader {
  readonly #pool: Pool
  #readable: Readable | undefined
  #last: LastLook | undefined

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /**
   * Looks once.
   *
   * @param look `near` is one everywhere when nothing was seen yet
   * @param tools ids of tools of which a change was seen
   * @throws AppError NEMO_MQTT_ERR_NOT_NEMO, or the driver's error; the next look goes everywhere then
   */
  async read(look: Look, tools: Iterable<string> = []): Promise<Read> {
    const last = look === 'near' ? this.#last : undefined
    this.#last = undefined
    if (last === undefined) this.#readable = undefined
    const known = new Set(tools)
    try {
      const read = await this.#look(last, known)
      // What comes after a reservation that has begun, ended or gone is not known yet, unless its tool was asked for.
      const others = toolsInTurn(last, this.#last).filter((tool) => !known.has(tool))
      return others.length === 0 ? read : await this.#look(this.#last, new Set(others))
    } catch (error) {
      if (!NOT_READABLE.has(codeOf(error) ?? '')) throw error
      this.#readable = undefined
      return await this.#look(undefined, known)
    }
  }

  async #look(last: LastLook | undefined, tools: ReadonlySet<string>): Promise<Read> {
    const client = await this.#pool.connect()
    try {
      this.#readable ??= await findReadable(client)
      const readable = this.#readable
      const histories = historiesOf(readable)
      const values = last === undefined ? [] : [[...tools], ...histories.flatMap((name) => parametersOf(last, name))]
      const row = await inTransaction(client, stateQuery(readable, last === undefined ? 'everywhere' : 'near'), values)
      const rows = row as unknown as StateRows
      this.#last = { seen: new Map(histories.map((name) => [name, seenOf(row, name)])), shown: shownOf(rows) }
      client.release()
      return { rows, problem: readable.problem }
    } catch (error) {
      client.release(true) // whatever it was: the transaction ends with the connection
      throw error
    }
  }
}

type Answer = Readonly<Record<string, unknown>>

async function inTransaction(client: PoolClient, text: string, values: unknown[]): Promise<Answer> {
  await client.query(BEGIN)
  const { rows } = await client.query<Answer>(text, values)
  await client.query('commit')
  const [row] = rows
  if (row === undefined) throw new Error('a select without a table gave no row')
  return row
}

function seenOf(row: Answer, name: HistoryName): Seen {
  const ids = (row[`${name}_ids`] ?? []) as string[]
  return { ids, newest: (row[`${name}_newest`] ?? '0') as string }
}

function parametersOf({ seen }: LastLook, name: HistoryName): [readonly string[], string] {
  const { ids = [], newest = '0' } = seen.get(name) ?? {}
  return [ids, String(BigInt(newest) - BigInt(LATE_IDS))]
}

function shownOf({ reservations = [], now }: StateRows): LastLook['shown'] {
  const isPast = (time: string): boolean => Date.parse(time) <= Date.parse(now)
  return new Map(reservations.map(({ id, tool_id: tool, start }) => [id, { tool, hasBegun: isPast(start) }]))
}

function toolsInTurn(before: LastLook | undefined, after: LastLook | undefined): string[] {
  const tools = new Set<string>()
  for (const [id, { tool, hasBegun }] of before?.shown ?? []) {
    const now = after?.shown.get(id)
    if (now === undefined || now.hasBegun !== hasBegun) tools.add(tool)
  }
  return [...tools]
}
