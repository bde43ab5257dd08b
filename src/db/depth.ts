import type { Queryable } from './database.ts'

/** What lies in the change log. */
export interface LogDepth {
  /** 100,000 at most: counting more would take long, and would tell nobody more. */
  readonly depth: number
  /** Age of the oldest, by the server's clock; 0 when there is none. */
  readonly oldestSeconds: number
  /** Changes that were set aside. */
  readonly unmapped: number
}

const READ = `
select (select count(*) from (select from nemo_mqtt.change_log limit 100000) l)::int as depth,
       coalesce((select greatest(0, extract(epoch from clock_timestamp() - at))
                   from nemo_mqtt.change_log order by id limit 1), 0)::float8 as "oldestSeconds",
       (select count(*) from nemo_mqtt.unmapped)::int as unmapped`

/** Looks how much waits, with a bounded effort. @throws the driver's error */
export async function readDepth(client: Queryable): Promise<LogDepth> {
  const { rows } = await client.query<LogDepth & Record<string, unknown>>(READ)
  const [depth] = rows
  if (depth === undefined) throw new Error('PostgreSQL gave no row')
  return depth
}
