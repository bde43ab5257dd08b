import pg, { type Pool } from 'pg'
import type { KnownRow } from './faults.ts'
import { rowOf, type ToldMessage } from './told.ts'

/** Table of a kind of row, and what it says in the words of the plugin's messages. */
const TABLES: Readonly<Record<string, readonly [table: string, says: string]>> = {
  tools: [
    'NEMO_tool',
    `to_jsonb(r.name) as tool_name, to_jsonb(coalesce(p.operational, r.operational)) as tool_status`,
  ],
  areas: ['NEMO_area', `to_jsonb(r.name) as area_name, to_jsonb(r.requires_reservation) as area_requires_reservation`],
  reservations: ['NEMO_reservation', `to_jsonb(r.user_id) as user_id`],
  usages: ['NEMO_usageevent', `to_jsonb(r.start < $2) as has_begun, to_jsonb(r."end" < $2) as is_over`],
  area_access: ['NEMO_areaaccessrecord', `to_jsonb(r.staff_charge_id is not null) as is_billing`],
}

const LOOSE = ['tool_id', 'area_id', 'reservation_id', 'user_name']

/**
 * What NEMO's tables say now of the row that a message is about.
 *
 * @param began usages that began or ended before it had done so when the comparison began
 * @throws the driver's error
 */
export async function readKnownRow(pool: Pool, schema: string, message: ToldMessage, began: Date): Promise<KnownRow> {
  const [kind = '', id = ''] = rowOf(message).split('/')
  const [table, says] = TABLES[kind] ?? []
  const nothing = { exists: false, hasBegun: false, isOver: false, isBilling: false, said: [], now: undefined }
  if (table === undefined || says === undefined || !/^\d{1,18}$/.test(id)) return nothing
  const of = (name: string): string => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
  const parent = kind === 'tools' ? `left join ${of(table)} p on p.id = r.parent_tool_id` : ''
  const { rows } = await pool.query<Record<string, unknown>>(
    `select ${says} from ${of(table)} r ${parent} where r.id = $1`,
    kind === 'usages' ? [id, began] : [id],
  )
  const [row] = rows
  if (row === undefined) return nothing
  const { has_begun, is_over, is_billing, ...told } = row
  // What no column of the row holds is taken from the message: it says nothing about a change of the row.
  const loose = LOOSE.filter((name) => Object.hasOwn(message.fields, name)).map((name) => [name, message.fields[name]])
  const now = Object.keys(told).length === 0 ? undefined : { ...told, ...Object.fromEntries(loose) }
  return {
    exists: true,
    hasBegun: has_begun === true,
    isOver: is_over === true,
    isBilling: is_billing === true,
    said: now === undefined ? [] : [now],
    now,
  }
}
