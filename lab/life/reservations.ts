import { type Expected, type Row, time, type Value } from './nemo-writer.ts'
import { type Act, nameOf, rowOf, somebody, someProject } from './scene.ts'

const RESERVATION = 'NEMO_reservation'
const TITLES = ['Wafer lot 12', 'Test run', 'Demonstration', 'Second attempt']

const LIVE = `select * from "NEMO_reservation" where not cancelled and not missed and not shortened and "end" > now()
               order by id`
const ONGOING = `select * from "NEMO_reservation" where not cancelled and not missed and not shortened
                    and start < now() and "end" > now() order by id`

/** Somebody reserves a tool or an area. @see NEMO views/calendar.py create_reservation */
export const reserve: Act = async (scene) => {
  const live = await scene.nemo.rows(LIVE)
  if (live.length > 30) return false
  const kind = scene.random.chance(0.8) ? 'tool' : 'area'
  const roots = `select * from "NEMO_${kind}" where parent_${kind}_id is null order by id`
  const item = scene.random.one(await scene.nemo.rows(roots))
  if (item === undefined) return false
  const user = await somebody(scene)
  // Some have begun already, so that switching a tool off can shorten one.
  const start = scene.random.between(-60, 240)
  const end = start + scene.random.between(65, 180)
  scene.say(`${nameOf(user)} reserves ${item.name}`)
  const values = {
    creation_time: time(),
    start: time(start),
    end: time(end),
    creator_id: Number(user.id),
    user_id: Number(user.id),
    project_id: await someProject(scene),
    [`${kind}_id`]: Number(item.id),
  }
  await scene.nemo.insert(RESERVATION, values, created)
  return true
}

/** Somebody drags a reservation to another time, or only its end. @see NEMO views/calendar.py modify_reservation */
export const moveReservation: Act = async (scene) => {
  const reservation = scene.random.one(await scene.nemo.rows(LIVE))
  if (reservation === undefined) return false
  const user = await rowOf(scene, 'NEMO_user', reservation.user_id)
  const minutes = scene.random.between(1, 4) * 15
  const isMove = scene.random.chance(0.5)
  scene.say(`${nameOf(user)} ${isMove ? 'moves' : 'prolongs'} reservation ${reservation.id} by ${minutes} min`)
  const now = time()
  const { id, ...copy } = reservation
  const shifted = {
    start: isMove ? later(reservation.start, minutes) : (reservation.start ?? null),
    end: later(reservation.end, minutes),
  }
  const values = { ...copy, ...shifted, creation_time: now, creator_id: Number(user.id) }
  const descendant = await scene.nemo.insert(RESERVATION, values, created)
  const changes = { ...cancellation(user, now), descendant_id: Number(descendant.id) }
  await scene.nemo.save(RESERVATION, reservation, changes, [on('reservation_cancelled', reservation)])
  return true
}

/** Somebody cancels a reservation; too late, and it counts as missed as well. */
export const cancelReservation: Act = async (scene) => {
  const reservation = scene.random.one(await scene.nemo.rows(LIVE))
  if (reservation === undefined) return false
  const user = await rowOf(scene, 'NEMO_user', reservation.user_id)
  const isLate = scene.random.chance(0.3)
  scene.say(`${nameOf(user)} cancels reservation ${reservation.id}${isLate ? ', too late' : ''}`)
  const changes = { ...cancellation(user, time()), ...(isLate ? { missed: true } : {}) }
  const expected = [on('reservation_cancelled', reservation)]
  if (isLate) expected.push(on('reservation_missed', reservation))
  await scene.nemo.save(RESERVATION, reservation, changes, expected)
  return true
}

/** Nobody came. @see NEMO views/timed_services.py cancel_unused_reservations */
export const missReservation: Act = async (scene) => {
  const reservation = scene.random.one(await scene.nemo.rows(ONGOING))
  if (reservation === undefined) return false
  scene.say(`nobody came for reservation ${reservation.id}`)
  await scene.nemo.save(RESERVATION, reservation, { missed: true }, [on('reservation_missed', reservation)])
  return true
}

/** Somebody gives a reservation a title. */
export const titleReservation: Act = async (scene) => {
  const reservation = scene.random.one(await scene.nemo.rows(LIVE))
  const title = scene.random.one(TITLES) ?? ''
  if (reservation === undefined || reservation.title === title) return false
  scene.say(`reservation ${reservation.id} is called "${title}" now`)
  await scene.nemo.update(RESERVATION, reservation, { title }, [on('reservation_updated', reservation)])
  return true
}

function created(id: number): Expected[] {
  return [{ event: 'reservation_created', topic: `reservations/${id}` }]
}

function on(event: string, reservation: Row): Expected {
  return { event, topic: `reservations/${reservation.id}` }
}

function cancellation(user: Row, cancellation_time: string): Record<string, Value> {
  return { cancelled: true, cancellation_time, cancelled_by_id: Number(user.id) }
}

/** A time as PostgreSQL prints it, so many minutes later; the microseconds stay as they are. */
function later(text: string | null | undefined, minutes: number): string {
  const [, seconds = '', fraction = ''] = /^(.{19})(\.\d+)?/.exec(text ?? '') ?? []
  const moved = new Date(Date.parse(`${seconds.replace(' ', 'T')}Z`) + minutes * 60_000)
  return `${moved.toISOString().slice(0, 19)}${fraction}+00:00`
}
