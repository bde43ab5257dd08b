import { toUtc } from '../map/time.ts'
import type { NameOf } from './names.ts'
import type { AreaRow, StateRows, VisitRow } from './rows.ts'
import type { AreaState } from './state.ts'

/**
 * The state of every area.
 *
 * @see NEMO `Area.occupancy()`, `occupancy_staff()`, `occupancy_service_personnel()` and `occupancy_count()`, the same in
 *   4.7.1 to 8.1.5: somebody who is both staff and service personnel is taken off twice there, and here
 */
export function areaStates(rows: StateRows, nameOf: NameOf): AreaState[] {
  const areas = new Map(rows.areas?.map((area) => [area.id, area]))
  const users = new Map(rows.users?.map((user) => [user.id, user]))
  return [...areas.values()].map((area) => {
    const visits = rows.visits?.filter((visit) => liesIn(visit, area, areas))
    const people = visits?.map((visit) => users.get(visit.customer_id ?? ''))
    const staff = people?.filter((user) => user?.is_staff).length ?? null
    const service = people?.filter((user) => user?.is_service_personnel).length ?? null
    return {
      area_id: area.id,
      area_name: area.name,
      parent_area_id: area.parent_area_id,
      requires_reservation: area.requires_reservation,
      maximum_capacity: area.maximum_capacity,
      occupancy: visits?.length ?? null,
      occupancy_staff: staff,
      occupancy_service_personnel: service,
      occupancy_count:
        visits === undefined
          ? null
          : visits.length -
            (area.count_staff_in_occupancy === false ? (staff ?? 0) : 0) -
            (area.count_service_personnel_in_occupancy === false ? (service ?? 0) : 0),
      people:
        visits?.map(({ id, area_id, customer_id, start }) => ({
          access_id: id,
          area_id,
          user_id: customer_id,
          user_name: nameOf(customer_id),
          since: toUtc(start),
        })) ?? null,
    }
  })
}

function liesIn(visit: VisitRow, area: AreaRow, areas: ReadonlyMap<string, AreaRow>): boolean {
  if (visit.area_id === area.id) return true
  const place = areas.get(visit.area_id)
  if (place === undefined || area.tree_id === null || place.tree_id !== area.tree_id) return false
  return (place.lft ?? 0) > (area.lft ?? 0) && (place.lft ?? 0) < (area.rght ?? 0)
}
