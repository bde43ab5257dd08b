import { type AreaState, isFull } from '../../src/http/wire/tools.ts'
import { Icon } from './icon.tsx'
import { shownAreas } from './laboratory.ts'
import { occupancyOf } from './words.ts'

/** Every area with how many people are in it. `people` tells their names too. */
export function Areas({ people }: { people: boolean }) {
  const areas = shownAreas.value
  if (areas.length === 0) return null
  return (
    <section class="areas" aria-label="Areas">
      {people && <h2>Areas</h2>}
      <ul>
        {areas.map((area) => (
          <Area key={area.area_id} area={area} people={people} />
        ))}
      </ul>
    </section>
  )
}

function Area({ area, people }: { area: AreaState; people: boolean }) {
  const { area_id, area_name, occupancy, occupancy_count, occupancy_staff, requires_reservation } = area
  const isUncounted = occupancy !== null && occupancy !== occupancy_count
  const names = (area.people ?? []).map((visit) => visit.user_name).filter((name) => name !== null)
  return (
    <li class={isFull(area) ? 'area full' : 'area'} data-area={area_id}>
      <Icon shape={isFull(area) ? 'full' : 'people'} />
      <h3>{area_name ?? `Area ${area_id}`}</h3>
      <p class="count">
        {occupancyOf(area)}
        {isFull(area) && ' · full'}
      </p>
      {people && (
        <p class="more">
          {isUncounted && `${occupancy} with everybody, ${occupancy_staff ?? '?'} of them staff. `}
          {requires_reservation && 'By reservation. '}
          {names.join(', ')}
        </p>
      )}
    </li>
  )
}
