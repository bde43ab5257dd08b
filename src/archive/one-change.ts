import type { LoggedChange } from '../capture/change-log.ts'
import type { Queryable } from '../db/database.ts'
import type { LoggedMessage } from './record.ts'

/** What PostgreSQL still knows of one change. */
export interface KnownChange {
  /** Its row, while it waits or after it was set aside. */
  readonly logged: (LoggedChange & { readonly reason: string | null }) | undefined
  /** What the message log has of it, oldest first. */
  readonly messages: readonly LoggedMessage[]
}

const LOGGED = `
select id::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, tbl as "table",
       op as operation, old::text, new::text, reason
  from (select id, at, tbl, op, old, new, null::text as reason from nemo_mqtt.change_log where id = $1::bigint
        union all
        select id, at, tbl, op, old, new, reason from nemo_mqtt.unmapped where id = $1::bigint) both_places
 limit 1`

const MESSAGES = `
select at, change_id as change, tbl as "table", row_id as "row", event, tool_id as tool, area_id as area,
       topic, left(payload, 10000) as payload, outcome, reason
  from nemo_mqtt.message_log where change_id = $1::bigint order by id limit 500`

/** Looks a change up by its id in the change log, among those set aside, and in the message log. @throws the driver's error */
export async function findChange(client: Queryable, id: string): Promise<KnownChange> {
  const logged = await client.query<NonNullable<KnownChange['logged']> & Record<string, unknown>>(LOGGED, [id])
  const messages = await client.query<LoggedMessage & Record<string, unknown>>(MESSAGES, [id])
  return { logged: logged.rows[0], messages: messages.rows }
}
