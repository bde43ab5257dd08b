import { type Expected, type Row, time } from './nemo-writer.ts'
import { type Act, nameOf, rowOf, type Scene, somebody } from './scene.ts'
import { saveOperational } from './tools.ts'
import { endUsage } from './usages.ts'

const TASK = 'NEMO_task'
const PROBLEMS = ['Vacuum does not come up', 'Stage drifts', 'Cooling water is warm', 'Display stays black', 'It hums']
const PROGRESS = ['A part is ordered', 'The supplier was called', 'Seen, will be repaired tonight']

// Few enough that a demo does not end with every tool out of order.
const HEALTHY_TOOLS = `
select t.* from "NEMO_tool" t
 where t.parent_tool_id is null and t.operational
   and (select count(*) from "NEMO_task" where not resolved and not cancelled) < 3
   and not exists (select from "NEMO_task" k where k.tool_id = t.id and not k.resolved and not k.cancelled)
 order by t.id`

const OPEN_TASKS = 'select * from "NEMO_task" where not resolved and not cancelled order by id'

/** Somebody reports a problem, and may shut the tool down while it is in use. @see NEMO views/tasks.py save_task */
export const reportProblem: Act = async (scene) => {
  const tool = scene.random.one(await scene.nemo.rows(HEALTHY_TOOLS))
  if (tool === undefined) return false
  const user = await somebody(scene)
  const shutsDown = scene.random.chance(0.5)
  const problem = scene.random.one(PROBLEMS) ?? ''
  scene.say(`${nameOf(user)} reports on ${tool.name}: "${problem}"${shutsDown ? ' and shuts it down' : ''}`)
  const values = {
    urgency: shutsDown ? 1 : 0,
    force_shutdown: shutsDown,
    creation_time: time(),
    title: problem,
    problem_description: `${problem}.`,
    creator_id: Number(user.id),
    tool_id: Number(tool.id),
  }
  const topic = `tools/${tool.id}/tasks`
  const task = await scene.nemo.insert(TASK, values, () => [
    { event: 'task_created', topic },
    ...(shutsDown ? [{ event: 'task_shutdown', topic }] : []),
  ])
  await scene.nemo.save(TASK, task, {}, []) // NEMO saves a new task a second time
  if (shutsDown) await shutDown(scene, Number(tool.id))
  return true
}

/** The staff note how a repair is going. */
export const noteProgress: Act = async (scene) => {
  const task = scene.random.one(await scene.nemo.rows(OPEN_TASKS))
  const text = scene.random.one(PROGRESS) ?? ''
  if (task === undefined || task.progress_description === text) return false
  const staff = await somebody(scene, 'staff')
  scene.say(`${nameOf(staff)} notes: "${text}"`)
  const changes = { progress_description: text, last_updated: time(), last_updated_by_id: Number(staff.id) }
  await closeOrUpdate(scene, task, changes, 'task_updated')
  return true
}

/** The staff repair a tool, which works again unless another problem keeps it down. */
export const resolveProblem: Act = async (scene) => {
  const task = scene.random.one(await scene.nemo.rows(OPEN_TASKS))
  if (task === undefined) return false
  const staff = await somebody(scene, 'staff')
  const tool = await rowOf(scene, 'NEMO_tool', task.tool_id)
  scene.say(`${nameOf(staff)} repairs ${tool.name}`)
  const changes = {
    resolved: true,
    resolution_time: time(),
    resolver_id: Number(staff.id),
    resolution_description: 'Repaired.',
    last_updated: time(),
    last_updated_by_id: Number(staff.id),
  }
  await closeOrUpdate(scene, task, changes, 'task_resolved')
  return true
}

/** Whoever reported a problem finds that there is none. */
export const cancelProblem: Act = async (scene) => {
  const task = scene.random.one(await scene.nemo.rows(OPEN_TASKS))
  if (task === undefined) return false
  const creator = await rowOf(scene, 'NEMO_user', task.creator_id)
  scene.say(`${nameOf(creator)} withdraws "${task.title}"`)
  await closeOrUpdate(scene, task, { cancelled: true }, 'task_cancelled')
  return true
}

async function shutDown(scene: Scene, toolId: number): Promise<void> {
  await saveOperational(scene, toolId, false)
  const inUse = `select u.* from "NEMO_usageevent" u join "NEMO_tool" t on t.id = u.tool_id
                  where u."end" is null and $1 in (t.id, t.parent_tool_id) order by u.id`
  for (const usage of await scene.nemo.rows(inUse, [toolId])) await endUsage(scene, usage)
}

/** After every edit of a task NEMO saves the tool anew: it works when no open task wants it shut down. */
async function closeOrUpdate(scene: Scene, task: Row, changes: Parameters<Scene['nemo']['save']>[2], event: string) {
  const expected: Expected[] = [{ event, topic: `tools/${task.tool_id}/tasks` }]
  await scene.nemo.save(TASK, task, changes, expected)
  const blocking = `select id from "NEMO_task" where tool_id = $1 and force_shutdown and not resolved and not cancelled`
  const blocked = await scene.nemo.rows(blocking, [Number(task.tool_id)])
  await saveOperational(scene, Number(task.tool_id), blocked.length === 0)
}
