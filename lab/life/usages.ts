import { type Row, time } from './nemo-writer.ts'
import { type Act, nameOf, nextHasEnded, rowOf, type Scene, somebody, someProject } from './scene.ts'

const USAGE = 'NEMO_usageevent'
const RESERVATION = 'NEMO_reservation'

// A tool and its child share one machine, so one usage of either occupies both.
const FREE_TOOLS = `
select t.* from "NEMO_tool" t left join "NEMO_tool" p on p.id = t.parent_tool_id
 where coalesce(p.operational, t.operational)
   and not exists (select from "NEMO_usageevent" u join "NEMO_tool" used on used.id = u.tool_id
                    where u."end" is null
                      and coalesce(used.parent_tool_id, used.id) = coalesce(t.parent_tool_id, t.id))
 order by t.id`

const OPEN_USAGES = 'select * from "NEMO_usageevent" where "end" is null order by id'

/** Somebody switches a tool on. @see NEMO views/tool_control.py enable_tool */
export const enableTool: Act = async (scene) => {
  const tool = scene.random.one(await scene.nemo.rows(FREE_TOOLS))
  if (tool === undefined) return false
  const user = await somebody(scene)
  const operator = scene.random.chance(0.15) ? await somebody(scene, 'staff') : user
  scene.say(`${nameOf(operator)} switches on ${tool.name}${operator === user ? '' : ` for ${nameOf(user)}`}`)
  const usage = {
    start: time(),
    operator_id: Number(operator.id),
    user_id: Number(user.id),
    tool_id: Number(tool.id),
    project_id: await someProject(scene),
    remote_work: operator !== user,
    has_ended: 0,
  }
  await scene.nemo.insert(USAGE, usage, () => [{ event: 'tool_usage_start', topic: `tools/${tool.id}/start` }])
  return true
}

/** Somebody switches a tool off, sometimes leaving it time to cool down. @see NEMO views/tool_control.py disable_tool */
export const disableTool: Act = async (scene) => {
  const usage = scene.random.one(await scene.nemo.rows(OPEN_USAGES))
  if (usage === undefined) return false
  const tool = await rowOf(scene, 'NEMO_tool', usage.tool_id)
  const operator = await rowOf(scene, 'NEMO_user', usage.operator_id)
  const root = tool.parent_tool_id === null ? tool : await rowOf(scene, 'NEMO_tool', tool.parent_tool_id)
  const coolDown = root.max_delayed_logoff !== null && scene.random.chance(0.4) ? scene.random.between(5, 30) : 0
  scene.say(`${nameOf(operator)} switches off ${tool.name}${coolDown > 0 ? `, which cools down ${coolDown} min` : ''}`)
  if (operator.is_staff === 'f') await shorten(scene, operator, root, time(coolDown))
  await endUsage(scene, usage, coolDown)
  return true
}

/** An accountant ticks off a usage: NEMO saves the whole row, and nothing happened at the tool. */
export const validateUsage: Act = async (scene) => {
  const closed = 'select * from "NEMO_usageevent" where "end" is not null and not validated order by id limit 20'
  const usage = scene.random.one(await scene.nemo.rows(closed))
  if (usage === undefined) return false
  const staff = await somebody(scene, 'staff')
  scene.say(`${nameOf(staff)} validates the charge of usage ${usage.id}`)
  await scene.nemo.save(USAGE, usage, { validated: true, validated_by_id: Number(staff.id) }, [])
  return true
}

/** Ends an open usage, now or with a delayed log-off in the future. */
export async function endUsage(scene: Scene, usage: Row, minutesFromNow = 0): Promise<void> {
  const changes = { end: time(minutesFromNow), has_ended: await nextHasEnded(scene, USAGE), run_data: '', note: '' }
  await scene.nemo.save(USAGE, usage, changes, [{ event: 'tool_usage_end', topic: `tools/${usage.tool_id}/end` }])
}

/** What remains of a reservation is given back: a shorter copy first, then the old one points at it. */
async function shorten(scene: Scene, user: Row, root: Row, end: string): Promise<void> {
  const ongoing = `select * from "NEMO_reservation" where tool_id = $1 and user_id = $2 and start < now() and "end" > now()
                      and not cancelled and not missed and not shortened order by id`
  const [reservation] = await scene.nemo.rows(ongoing, [Number(root.id), Number(user.id)])
  if (reservation === undefined) return
  const { id, ...copy } = reservation
  const descendant = await scene.nemo.insert(RESERVATION, { ...copy, end }, (newId) => [
    { event: 'reservation_created', topic: `reservations/${newId}` },
  ])
  const changes = { shortened: true, descendant_id: Number(descendant.id) }
  await scene.nemo.save(RESERVATION, reservation, changes, [
    { event: 'reservation_cancelled', topic: `reservations/${id}` },
  ])
}
