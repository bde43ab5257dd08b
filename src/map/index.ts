import type { Change } from '../change.ts'
import { AppError } from '../errors.ts'
import { alertNeeds, mapAlert } from './alert.ts'
import { areaNeeds, mapArea } from './area.ts'
import { areaAccessRecordNeeds, mapAreaAccessRecord } from './area-access-record.ts'
import { consumableWithdrawNeeds, mapConsumableWithdraw } from './consumable-withdraw.ts'
import { EMITTED, mapEmitted } from './emit.ts'
import { interlockNeeds, mapInterlock } from './interlock.ts'
import type { Lookup, Wanted } from './lookup.ts'
import type { MappedEvent } from './mapped.ts'
import { mapOutage, outageNeeds } from './outage.ts'
import { mapReservation, reservationNeeds } from './reservation.ts'
import { mapResource, resourceNeeds } from './resource.ts'
import { assertRowChange, type RowChange } from './row.ts'
import { mapTask, taskNeeds } from './task.ts'
import { mapTool, toolNeeds } from './tool.ts'
import { mapUsageEvent, usageEventNeeds } from './usage-event.ts'
import { mapUser, userNeeds } from './user.ts'
import { mapWaitList, waitListNeeds } from './wait-list.ts'

export type { Lookup, Wanted } from './lookup.ts'
export type { MappedEvent } from './mapped.ts'
export { eventPayload, payloadOf } from './payload.ts'
export { parseRow } from './row.ts'

/** How one NEMO table is mapped. */
interface Mapper {
  /** Columns without which it cannot be told what happened; a change that lacks one is set aside. */
  readonly required: readonly string[]
  readonly map: (change: RowChange, lookup: Lookup) => MappedEvent[]
  readonly needs: (change: RowChange, wanted: Wanted) => void
}

/** Every NEMO table whose changes become events. */
const MAPPERS = {
  NEMO_tool: { required: [], map: mapTool, needs: toolNeeds },
  NEMO_usageevent: { required: ['tool_id', 'end'], map: mapUsageEvent, needs: usageEventNeeds },
  NEMO_task: { required: ['tool_id'], map: mapTask, needs: taskNeeds },
  NEMO_area: { required: [], map: mapArea, needs: areaNeeds },
  NEMO_reservation: { required: ['cancelled', 'missed', 'shortened'], map: mapReservation, needs: reservationNeeds },
  NEMO_areaaccessrecord: {
    required: ['end', 'staff_charge_id'],
    map: mapAreaAccessRecord,
    needs: areaAccessRecordNeeds,
  },
  NEMO_scheduledoutage: { required: ['end'], map: mapOutage, needs: outageNeeds },
  NEMO_toolwaitlist: { required: ['deleted', 'expired'], map: mapWaitList, needs: waitListNeeds },
  NEMO_alert: { required: ['deleted', 'expired'], map: mapAlert, needs: alertNeeds },
  NEMO_resource: { required: ['available'], map: mapResource, needs: resourceNeeds },
  NEMO_interlock: { required: ['state'], map: mapInterlock, needs: interlockNeeds },
  NEMO_consumablewithdraw: {
    required: ['consumable_id'],
    map: mapConsumableWithdraw,
    needs: consumableWithdrawNeeds,
  },
  NEMO_user: { required: ['is_active'], map: mapUser, needs: userNeeds },
} as const satisfies Record<string, Mapper>

/** Name of a NEMO table whose changes become events. */
export type MappedTable = keyof typeof MAPPERS

/** The NEMO tables whose changes become events. */
export const MAPPED_TABLES = Object.keys(MAPPERS) as readonly MappedTable[]

/**
 * The events that a change became, in the order in which they are to be published; none when nothing happened that an
 * event tells. Depends on its arguments alone.
 *
 * @throws AppError NEMO_MQTT_ERR_CHANGE when the change cannot be understood: it is to be set aside, not retried
 */
export function mapChange(change: Change, lookup: Lookup): MappedEvent[] {
  if (change.table === EMITTED) return mapEmitted(change)
  const mapper = mapperOf(change)
  if (change.operation === 'TRUNCATE') {
    const topic = 'bridge/truncated'
    return [{ topic, entity: topic, body: { event: 'table_truncated', table: change.table, timestamp: change.at } }]
  }
  assertRowChange(change, mapper.required)
  return mapper.map(change, lookup)
}

/** Whether {@link mapChange} knows what a change is about. */
export function isMapped({ table }: Change): boolean {
  return table === EMITTED || isMappedTable(table)
}

/**
 * Adds the ids that {@link mapChange} will ask about. A change that cannot be understood asks nothing: `mapChange` will
 * say so.
 */
export function addNeeds(change: Change, wanted: Wanted): void {
  if (change.operation === 'TRUNCATE' || !isMappedTable(change.table)) return
  const mapper: Mapper = MAPPERS[change.table]
  try {
    assertRowChange(change, mapper.required)
  } catch (error) {
    if (error instanceof AppError) return
    throw error
  }
  mapper.needs(change, wanted)
}

function mapperOf(change: Change): Mapper {
  if (isMappedTable(change.table)) return MAPPERS[change.table]
  throw new AppError('NEMO_MQTT_ERR_CHANGE', `change ${change.id} is of table ${change.table}, which no mapper knows`, {
    hint: 'add a rule to custom_events, or nemo-mqtt migrate --unwatch it',
  })
}

function isMappedTable(table: string): table is MappedTable {
  return Object.hasOwn(MAPPERS, table)
}
