import { type Expected, time } from './nemo-writer.ts'
import { type Act, nameOf, nextHasEnded, rowOf, someProject } from './scene.ts'

const RECORD = 'NEMO_areaaccessrecord'

const OUTSIDE = `
select u.* from "NEMO_user" u
 where u.is_active and not exists (select from "NEMO_areaaccessrecord" r where r.customer_id = u.id and r."end" is null)
 order by u.id`

const OPEN_RECORDS = 'select * from "NEMO_areaaccessrecord" where "end" is null and staff_charge_id is null order by id'

/** Somebody enters an area. @see NEMO views/area_access.py log_in_user_to_area */
export const enterArea: Act = async (scene) => {
  const user = scene.random.one(await scene.nemo.rows(OUTSIDE))
  const area = scene.random.one(await scene.nemo.rows('select * from "NEMO_area" order by id'))
  if (user === undefined || area === undefined) return false
  scene.say(`${nameOf(user)} enters ${area.name}`)
  const values = {
    start: time(),
    area_id: Number(area.id),
    customer_id: Number(user.id),
    project_id: await someProject(scene),
    has_ended: 0,
  }
  await scene.nemo.insert(RECORD, values, (id) => [on('area_access', id)])
  return true
}

/** Somebody leaves an area. @see NEMO views/area_access.py log_out_user */
export const leaveArea: Act = async (scene) => {
  const record = scene.random.one(await scene.nemo.rows(OPEN_RECORDS))
  if (record === undefined) return false
  const user = await rowOf(scene, 'NEMO_user', record.customer_id)
  const area = await rowOf(scene, 'NEMO_area', record.area_id)
  scene.say(`${nameOf(user)} leaves ${area.name}`)
  const changes = { end: time(), has_ended: await nextHasEnded(scene, RECORD) }
  await scene.nemo.save(RECORD, record, changes, [on('area_access_end', record.id)])
  return true
}

/** Nobody logged out, so NEMO does: `end` is written twice, the second time earlier. @see NEMO views/timed_services.py */
export const logOutAutomatically: Act = async (scene) => {
  const record = scene.random.one(await scene.nemo.rows(OPEN_RECORDS))
  if (record === undefined) return false
  const user = await rowOf(scene, 'NEMO_user', record.customer_id)
  scene.say(`NEMO logs ${nameOf(user)} out, who forgot to`)
  const changes = { end: time(), has_ended: await nextHasEnded(scene, RECORD) }
  const ended = await scene.nemo.save(RECORD, record, changes, [on('area_access_end', record.id)])
  await scene.nemo.update(RECORD, ended, { end: time(-10) }, [on('area_access_updated', record.id)])
  return true
}

/** Somebody goes on working for another project: to NEMO that is leaving and entering. */
export const changeProject: Act = async (scene) => {
  const record = scene.random.one(await scene.nemo.rows(OPEN_RECORDS))
  if (record === undefined) return false
  const user = await rowOf(scene, 'NEMO_user', record.customer_id)
  scene.say(`${nameOf(user)} goes on for another project`)
  const now = time()
  const changes = { end: now, has_ended: await nextHasEnded(scene, RECORD) }
  await scene.nemo.save(RECORD, record, changes, [on('area_access_end', record.id)])
  const values = {
    start: now,
    area_id: Number(record.area_id),
    customer_id: Number(record.customer_id),
    project_id: await someProject(scene),
    has_ended: 0,
  }
  await scene.nemo.insert(RECORD, values, (id) => [on('area_access', id)])
  return true
}

/** The staff allow more or fewer people in an area. */
export const changeCapacity: Act = async (scene) => {
  const area = scene.random.one(await scene.nemo.rows('select * from "NEMO_area" order by id'))
  if (area === undefined) return false
  const maximum_capacity = Number(area.maximum_capacity) + (Number(area.maximum_capacity) > 10 ? -2 : 1)
  scene.say(`${area.name} takes ${maximum_capacity} people now`)
  const expected = [{ event: 'area_updated', topic: `areas/${area.id}` }]
  await scene.nemo.save('NEMO_area', area, { maximum_capacity }, expected)
  return true
}

function on(event: string, id: number | string | null | undefined): Expected {
  return { event, topic: `area_access/${id}` }
}
