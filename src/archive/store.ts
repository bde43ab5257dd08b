import type { Queryable } from '../db/database.ts'
import type { LoggedMessage, LoggedOutcome } from './record.ts'

// As one JSON text: the driver needs several times as long to write arrays.
const INSERT = `
insert into nemo_mqtt.message_log (at, change_id, tbl, row_id, event, tool_id, area_id, topic, payload, outcome, reason)
select at, change, "table", "row", event, tool, area, topic, payload, outcome, reason
  from json_to_recordset($1) m (at timestamptz, change bigint, "table" text, "row" text, event text, tool text,
                                area text, topic text, payload text, outcome text, reason text)`

/** Writes rows of the message log in one statement. @throws the driver's error */
export async function insertMessages(client: Queryable, rows: readonly LoggedMessage[]): Promise<void> {
  await client.query(INSERT, [JSON.stringify(rows)])
}

// Ids without gaps make the count of rows a subtraction; where there are gaps, fewer rows are kept, never more.
const TRIM = `
delete from nemo_mqtt.message_log where id in (
  select id from (select id, at from nemo_mqtt.message_log order by id limit $3) oldest
   where at < now() - make_interval(days => $1::int)
      or id <= (select max(id) from nemo_mqtt.message_log) - $2::bigint)`

/** Deletes some of the rows that are too old or too many; true when there may be more. @throws the driver's error */
export async function trimMessages(
  client: Queryable,
  keep: { readonly days: number; readonly rows: number },
  limit: number,
): Promise<boolean> {
  const { rowCount } = await client.query(TRIM, [keep.days, keep.rows, limit])
  return (rowCount ?? 0) >= limit
}

/** What to look for in the message log; what is undefined does not matter. */
export interface LogSearch {
  readonly tool?: string | undefined
  readonly area?: string | undefined
  /** Regular expression that the topic must match. */
  readonly topic?: string | undefined
  readonly event?: string | undefined
  readonly since?: Date | undefined
  readonly until?: Date | undefined
  readonly limit: number
}

const COLUMNS = `at, change_id as change, tbl as "table", row_id as "row", event, tool_id as tool, area_id as area,
       topic, payload, outcome, reason`

/** The newest rows of the message log that match, oldest first. @throws the driver's error */
export async function searchMessages(client: Queryable, search: LogSearch): Promise<LoggedMessage[]> {
  const { rows } = await client.query<LoggedMessage & Record<string, unknown>>(
    `select ${COLUMNS} from nemo_mqtt.message_log
      where ($1::text is null or tool_id = $1) and ($2::text is null or area_id = $2)
        and ($3::text is null or topic ~ $3) and ($4::text is null or event = $4)
        and ($5::timestamptz is null or at >= $5) and ($6::timestamptz is null or at < $6)
      order by id desc limit $7`,
    [search.tool, search.area, search.topic, search.event, search.since, search.until, search.limit],
  )
  return rows.reverse()
}

/** Id of the newest row of the log. @throws the driver's error */
export async function lastMessage(client: Queryable): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'select coalesce(max(id), 0)::text as id from nemo_mqtt.message_log',
  )
  return rows[0]?.id ?? '0'
}

/** Messages that were published and match, oldest first, those between two rows of the log. @throws the driver's error */
export async function messagesAfter(
  client: Queryable,
  search: Omit<LogSearch, 'limit'>,
  range: { readonly after: string; readonly last: string },
  limit: number,
): Promise<Array<LoggedMessage & { readonly id: string }>> {
  const { rows } = await client.query<LoggedMessage & { id: string } & Record<string, unknown>>(
    `select id::text, ${COLUMNS} from nemo_mqtt.message_log
      where id > $7::bigint and id <= $9::bigint and outcome in ('delivered', 'unheard')
        and ($1::text is null or tool_id = $1) and ($2::text is null or area_id = $2)
        and ($3::text is null or topic ~ $3) and ($4::text is null or event = $4)
        and ($5::timestamptz is null or at >= $5) and ($6::timestamptz is null or at < $6)
      order by message_log.id limit $8`,
    [search.tool, search.area, search.topic, search.event, search.since, search.until, range.after, limit, range.last],
  )
  return rows
}

/** The newest rows of the message log about one row of NEMO's, oldest first. @throws the driver's error */
export async function messagesOfRow(
  client: Queryable,
  table: string,
  row: string,
  limit: number,
): Promise<LoggedMessage[]> {
  const { rows } = await client.query<LoggedMessage & Record<string, unknown>>(
    `select * from (
       (select id, ${COLUMNS} from nemo_mqtt.message_log where tbl = $1 and row_id = $2 order by id desc limit $3)
       union all
       (select id, ${COLUMNS} from nemo_mqtt.message_log where tbl = $1 and row_id is null order by id desc limit $3)
     ) both_kinds order by id desc limit $3`,
    [table, row, limit],
  )
  return rows.reverse()
}

/** How many rows there are of each outcome. @throws the driver's error */
export async function countMessages(client: Queryable): Promise<Partial<Record<LoggedOutcome, number>>> {
  const { rows } = await client.query<{ outcome: LoggedOutcome; count: number }>(
    'select outcome, count(*)::int as count from nemo_mqtt.message_log group by 1 order by 1',
  )
  return Object.fromEntries(rows.map(({ outcome, count }) => [outcome, count]))
}
