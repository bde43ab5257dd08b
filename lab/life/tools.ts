import type { Expected } from './nemo-writer.ts'
import { type Act, nameOf, type Scene, somebody } from './scene.ts'

const TOOL = 'NEMO_tool'
const MARK = ' II'

/** NEMO saves a tool and changes nothing, which it does all day long. */
export const saveToolUnchanged: Act = async (scene) => {
  const tool = scene.random.one(await scene.nemo.rows('select * from "NEMO_tool" order by id'))
  if (tool === undefined) return false
  scene.say(`NEMO saves ${tool.name} as it is`)
  await scene.nemo.save(TOOL, tool, {}, [])
  return true
}

/** The staff rename a tool, or give it its old name back. */
export const renameTool: Act = async (scene) => {
  const tool = scene.random.one(await scene.nemo.rows('select * from "NEMO_tool" order by id'))
  if (tool === undefined) return false
  const old = tool.name ?? ''
  const name = old.endsWith(MARK) ? old.slice(0, -MARK.length) : old + MARK
  scene.say(`${nameOf(await somebody(scene, 'staff'))} renames ${old} to ${name}`)
  await scene.nemo.save(TOOL, tool, { name }, [{ event: 'tool_updated', topic: `tools/${tool.id}` }])
  return true
}

/** Saves a root tool as working or not; where that is news, it is news for its children too. */
export async function saveOperational(scene: Scene, toolId: number, operational: boolean): Promise<void> {
  const [tool] = await scene.nemo.rows('select * from "NEMO_tool" where id = $1', [toolId])
  if (tool === undefined) return
  const children = await scene.nemo.rows('select id from "NEMO_tool" where parent_tool_id = $1 order by id', [toolId])
  const event = operational ? 'tool_enabled' : 'tool_disabled'
  const suffix = operational ? 'enabled' : 'disabled'
  const isNews = tool.operational !== (operational ? 't' : 'f')
  const expected: Expected[] = isNews
    ? [tool, ...children].map(({ id }) => ({ event, topic: `tools/${id}/${suffix}` }))
    : []
  await scene.nemo.save(TOOL, tool, { operational }, expected)
}
