import type { MappedEvent } from '../map/mapped.ts'
import type { ChoiceSettings } from './choice-settings.ts'
import type { Named } from './filter.ts'
import { safeLevel } from './safe-level.ts'
import type { Values } from './template.ts'

/** Stands for a tool, an area or a category where an event has none. */
const NONE = 'none'

/** A tool or an area. */
interface Subject extends Named {
  readonly id: string
}

/** The tool that an event is about; undefined when it is about none. */
export function toolOf({ body }: Pick<MappedEvent, 'body'>): Subject | undefined {
  return 'tool_id' in body && body.tool_id !== null ? { id: String(body.tool_id), name: body.tool_name } : undefined
}

/** The area that an event is about; undefined when it is about none. */
export function areaOf({ body }: Pick<MappedEvent, 'body'>): Subject | undefined {
  return 'area_id' in body && body.area_id !== null ? { id: String(body.area_id), name: body.area_name } : undefined
}

/** What the variables of a template stand for, for one event; found out only when asked for. */
export function valuesOf(
  event: MappedEvent,
  settings: Pick<ChoiceSettings, 'topic_prefix' | 'tool_topic_key'>,
  category: () => string | null,
): Values {
  const [kind = '', id = ''] = event.entity.split('/')
  const subject = toolOf(event) ?? areaOf(event)
  return {
    prefix: () => settings.topic_prefix,
    topic: () => standardTopic(event, settings.tool_topic_key),
    kind: () => kind,
    id: () => id,
    event: () => event.body.event,
    name: () => safeLevel(subject?.name ?? null, subject?.id ?? id),
    tool_id: () => toolOf(event)?.id ?? NONE,
    area_id: () => areaOf(event)?.id ?? NONE,
    category: () => safeLevel(category(), NONE),
  }
}

/** The standard topic of an event below the prefix, with the key that tools have in it. */
function standardTopic(event: MappedEvent, key: ChoiceSettings['tool_topic_key']): string {
  const tool = toolOf(event)
  if (key === 'id' || tool === undefined || !event.entity.startsWith('tools/')) return event.topic
  const name = safeLevel(tool.name, '')
  const level = name === '' ? tool.id : key === 'name' ? name : `${tool.id}-${name}`
  return `tools/${level}${event.topic.slice(event.entity.length)}`
}
