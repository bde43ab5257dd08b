import type { Pool } from 'pg'
import type { Change, Operation } from '../change.ts'
import { parseRow } from '../map/row.ts'
import { Gaps } from './gaps.ts'

/** A change as it lies in the log: the rows are still text, so that one that cannot be read spoils no other. */
export interface LoggedChange {
  readonly id: string
  readonly at: string
  readonly table: string
  readonly operation: Operation
  readonly old: string | null
  readonly new: string | null
}

/** Largest text of rows in one read, in bytes; one larger change is still read, alone. */
const READ_BYTES = 8_000_000

// What came late and what is new, in ONE statement: in its snapshot a change is never seen without those that were
// committed before it on the same row, whichever id they have. Two statements would reorder them.
// "lateral" with a limit makes PostgreSQL look into the index once a gap: the planner likes to walk over the whole log
// once and compare each row with each gap. What is known is left out behind that limit, so that one hash serves all.
// Rows beyond the limit of bytes are cut here and not in the client: a problem report may hold a megabyte.
//
// "next" is the first transaction number not handed out yet: age() counts from it, without using one up. The snapshot's
// own xmax is no such bound but the highest COMPLETED number and one more, and transactions beyond it may be running.
const READ = `
with page as (
  select * from (
    (select l.* from unnest($1::bigint[], $2::bigint[]) gap (low, high)
      cross join lateral (select * from nemo_mqtt.change_log where id between gap.low and gap.high
                           order by id limit $4 + cardinality($5::bigint[])) l
      where not exists (select from unnest($5::bigint[]) known (id) where known.id = l.id)
      order by l.id limit $4)
    union all
    (select * from nemo_mqtt.change_log where id > $3::bigint order by id limit $4)
  ) both_kinds order by id limit $4
), texts as (
  select id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "at", tbl, op, old::text, new::text from page
), counted as (
  select *, sum(coalesce(octet_length(old), 0) + coalesce(octet_length(new), 0)) over (order by id) as bytes,
         row_number() over (order by id) as place, count(*) over () as found
    from texts
)
select now.running::text, (now.running + age((now.running % 4294967296)::text::xid))::text as next,
       c.found::int, c.id::text, c.at, c.tbl as "table", c.op as operation, c.old, c.new
  from (select txid_snapshot_xmin(txid_current_snapshot()) as running) now
  left join counted c on c.bytes <= ${READ_BYTES} or c.place = 1
 order by c.id`

interface ReadRow extends LoggedChange {
  readonly running: string
  readonly next: string
  readonly found: number | null
}

/** One read of the log. */
export interface Page {
  /** Lowest id first. */
  readonly changes: readonly LoggedChange[]
  /** Whether more may be waiting. */
  readonly isFull: boolean
  /** To be called when the changes are taken care of; until then the next read gives them again. */
  readonly advance: () => void
}

/**
 * The change log in PostgreSQL, read past what is pending without marking anything in it: forward from the highest
 * id read, and in the {@link Gaps} below it.
 */
export class ChangeLog {
  readonly #pool: Pool
  #highest = 0n
  #gaps = new Gaps()

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** How many gaps are looked into at the next read. */
  get gaps(): number {
    return this.#gaps.count
  }

  /**
   * Up to `limit` changes that were not read before.
   *
   * @param known gives the ids that were read and are still there; asked only when they would otherwise be read again
   */
  async read(limit: number, known: () => readonly string[] = () => []): Promise<Page> {
    const { from, to } = this.#gaps.bounds()
    const leftOut = this.#gaps.areCoarse ? known() : []
    const { rows } = await this.#pool.query<ReadRow>(READ, [from, to, this.#highest.toString(), limit, leftOut])
    const [first] = rows
    if (first === undefined) throw new Error('a left join from one row gave no row')
    const changes = first.found === null ? [] : rows
    const isFull = first.found !== null && (first.found >= limit || first.found > rows.length)
    return { changes, isFull, advance: () => this.#advance(changes, isFull, BigInt(first.running), BigInt(first.next)) }
  }

  /** Looks at the whole log again, for what no rule foresees: a restored backup, a sequence that was set back. */
  lookEverywhere(): void {
    this.#highest = 0n
    this.#gaps = new Gaps()
  }

  /** The ids in the log up to this one, lowest first. */
  async idsUpTo(id: string): Promise<string[]> {
    const { rows } = await this.#pool.query<{ id: string }>(
      // Not "order by id": that would be the text beside it, where 10 comes before 9.
      'select l.id::text from nemo_mqtt.change_log l where l.id <= $1::bigint order by l.id',
      [id],
    )
    return rows.map((row) => row.id)
  }

  /** Deletes changes whose messages were all delivered, parked or filtered. */
  async remove(ids: readonly string[]): Promise<void> {
    await this.#pool.query('delete from nemo_mqtt.change_log where id = any($1::bigint[])', [ids])
  }

  /** Moves a change that cannot be mapped out of the way, with the reason. The newest 10,000 are kept. */
  async setAside(id: string, reason: string): Promise<void> {
    await this.#pool.query(
      `with moved as (delete from nemo_mqtt.change_log where id = $1::bigint returning id, at, tbl, op, old, new),
            excess as (delete from nemo_mqtt.unmapped where id in
                        (select id from nemo_mqtt.unmapped order by set_aside_at desc, id desc offset 9999))
       insert into nemo_mqtt.unmapped (id, at, tbl, op, old, new, reason)
       select id, at, tbl, op, old, new, $2 from moved`,
      [id, reason.replaceAll('\u0000', '')],
    )
  }

  #advance(changes: readonly LoggedChange[], isFull: boolean, running: bigint, next: bigint): void {
    const ids = changes.map((change) => BigInt(change.id))
    const seen = ids.filter((id) => id > this.#highest)
    this.#gaps.fill(ids.filter((id) => id <= this.#highest))
    // A page that was cut has shown everything up to its last id, and nothing of the gaps behind that.
    this.#gaps.close(running, isFull ? (ids.at(-1) ?? 0n) : undefined)
    this.#gaps.open(this.#highest, seen, next)
    this.#highest = seen.at(-1) ?? this.#highest
  }
}

/** The change with its rows read. @throws AppError NEMO_MQTT_ERR_CHANGE when a row is no JSON object */
export function parseChange(logged: LoggedChange): Change {
  return {
    id: logged.id,
    at: logged.at,
    table: logged.table,
    operation: logged.operation,
    old: logged.old === null ? null : parseRow(logged.old),
    new: logged.new === null ? null : parseRow(logged.new),
  }
}
