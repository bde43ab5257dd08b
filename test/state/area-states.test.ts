import t from 'tap'
import { migrate } from '../../src/db/migrate.ts'
import { silent, startLab } from '../db/database.ts'
import { areaOf, StateEyes } from './laboratory.ts'

const lab = await startLab(t)

t.test('who is in an area, and how NEMO counts them', async (t) => {
  const db = await lab.captured()
  await migrate({ url: db.url, print: silent, serviceRole: { name: 'porter', create: { password: undefined } } })
  const eyes = new StateEyes(lab.server.url(db.name, 'porter'))
  t.teardown(() => eyes.close())
  await db.sql(`update "NEMO_user" set is_service_personnel = true where id = 8;
    insert into "NEMO_areaaccessrecord" (area_id, customer_id, project_id) values (1, 1, 1), (1, 3, 1), (3, 4, 1), (3, 8, 1)`)
  let states = await eyes.look()
  t.match(areaOf(states, 1), {
    area_name: 'Cleanroom',
    parent_area_id: null,
    requires_reservation: true,
    maximum_capacity: 12,
    occupancy: 4,
    occupancy_staff: 1,
    occupancy_service_personnel: 1,
    occupancy_count: 4,
  })
  t.strictSame(
    areaOf(states, 1)
      .people?.map(({ user_name, area_id }) => `${user_name} in ${area_id}`)
      .sort(),
    ['Ada Lindqvist in 1', 'Kofi Mensah in 3', 'Marie Keller in 1', 'Wei Zhang in 3'],
  )
  t.match(areaOf(states, 3), { parent_area_id: '1', occupancy: 2 })
  t.match(areaOf(states, 2), { occupancy: 0, occupancy_count: 0, people: [] })

  await db.sql(`update "NEMO_area" set count_staff_in_occupancy = false where id = 1;
    update "NEMO_area" set count_service_personnel_in_occupancy = false where id = 3`)
  states = await eyes.look([])
  t.match(areaOf(states, 1), { occupancy: 4, occupancy_count: 3 }, 'without staff')
  t.match(areaOf(states, 3), { occupancy: 2, occupancy_count: 1 }, 'without service personnel')

  await db.sql(`update "NEMO_areaaccessrecord" set staff_charge_id = 1 where customer_id = 4`)
  t.match(areaOf(await eyes.look([]), 1), { occupancy: 3 }, 'whom a staff charge bills is not here')
  await db.sql(`update "NEMO_areaaccessrecord" set "end" = now() where customer_id in (1, 3)`)
  t.match(areaOf(await eyes.look([]), 1), { occupancy: 1, occupancy_staff: 0 })
  eyes.format = 'none'
  t.strictSame(
    areaOf(await eyes.look([]), 1).people?.map((visit) => visit.user_name),
    [null],
  )
})
