import type { LaboratoryState } from '../state/laboratory-state.ts'
import type { ToolState } from '../state/state.ts'
import { version } from '../version.ts'

/** How Home Assistant is told. */
export interface DiscoveryOptions {
  /** First level of our topics. */
  readonly prefix: string
  /** First level of the topics that Home Assistant listens to. */
  readonly discoveryPrefix: string
  /** Two laboratories at one broker have the same ids of tools, but not this one. */
  readonly installation: string
  readonly isSigned: boolean
}

type Component = Readonly<Record<string, unknown>>

/** The longest state that Home Assistant takes, in characters; a longer one would be an error there. */
const LONGEST_STATE = 255

/**
 * The laboratory as devices of Home Assistant: a retained message for each visible tool and one for the bridge. Ids come
 * from numbers, because discovery topics allow letters, digits, `_` and `-` alone, and a new name must not make a new
 * device; the shown name is untouched.
 *
 * @see https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
 */
export function discoveryTopics(state: LaboratoryState, options: DiscoveryOptions): Map<string, string> {
  const { discoveryPrefix, installation } = options
  const topic = (id: string): string => `${discoveryPrefix}/device/${id}/config`
  const bridge = `nemo_${installation}`
  const topics = new Map([[topic(bridge), JSON.stringify(bridgeDevice(bridge, options))]])
  for (const tool of state.tools) {
    if (tool.visible !== true) continue
    const id = `${bridge}_tool_${tool.tool_id}`
    topics.set(topic(id), JSON.stringify(toolDevice(id, bridge, tool, options)))
  }
  return topics
}

function bridgeDevice(id: string, options: DiscoveryOptions): object {
  const health = read('s', 'value_json', options)
  const component = (key: string, fields: Component): Component => ({ unique_id: `${id}_${key}`, ...fields })
  return {
    device: { identifiers: [id], name: 'NEMO', manufacturer: 'nemo-mqtt', sw_version: version() },
    origin: ORIGIN,
    components: {
      connected: component('connected', {
        platform: 'binary_sensor',
        name: 'Connection',
        device_class: 'connectivity',
        entity_category: 'diagnostic',
        state_topic: `${options.prefix}/bridge/state`,
        value_template: `{{ 'ON' if ${word(options)} == 'online' else 'OFF' }}`,
      }),
      version: component('version', {
        platform: 'sensor',
        name: 'Version',
        entity_category: 'diagnostic',
        state_topic: `${options.prefix}/bridge/health`,
        value_template: `${health}{{ s.version }}`,
      }),
      tools_in_use: component('tools_in_use', {
        platform: 'sensor',
        name: 'Tools in use',
        icon: 'mdi:microscope',
        state_class: 'measurement',
        state_topic: `${options.prefix}/tools/overall`,
        value_template: `${health}{{ s.in_use }}`,
      }),
      tools_down: component('tools_down', {
        platform: 'sensor',
        name: 'Tools down',
        icon: 'mdi:alert-octagon',
        state_class: 'measurement',
        state_topic: `${options.prefix}/tools/overall`,
        value_template: `${health}{{ s.down }}`,
      }),
    },
  }
}

function toolDevice(id: string, bridge: string, tool: ToolState, options: DiscoveryOptions): object {
  const state = read('s', 'value_json', options)
  const component = (key: string, fields: Component): Component => ({ unique_id: `${id}_${key}`, ...fields })
  const onOff = (key: string): string => `${state}{{ 'ON' if s.${key} else 'OFF' }}`
  const text = (value: string): string =>
    `${state}{{ ((${value}) or 'None') | string | truncate(${LONGEST_STATE}, true, '…', 0) }}`
  const time = (value: string): string => `${state}{{ (${value}) or none }}`
  const attributes = (value: string): Component => ({
    json_attributes_topic: `${options.prefix}/tools/${tool.tool_id}/state`,
    json_attributes_template: `${state}{{ (${value}) | tojson }}`,
  })
  return {
    device: {
      identifiers: [id],
      name: tool.tool_name ?? `Tool ${tool.tool_id}`,
      manufacturer: 'NEMO',
      ...(tool.category === null || tool.category === '' ? {} : { model: tool.category }),
      via_device: bridge,
    },
    origin: ORIGIN,
    state_topic: `${options.prefix}/tools/${tool.tool_id}/state`,
    availability: {
      topic: `${options.prefix}/bridge/state`,
      value_template: `{{ 'online' if ${word(options)} == 'online' else 'offline' }}`,
    },
    components: {
      in_use: component('in_use', {
        platform: 'binary_sensor',
        name: 'In use',
        device_class: 'running',
        value_template: onOff('in_use'),
      }),
      user: component('user', {
        platform: 'sensor',
        name: 'User',
        icon: 'mdi:account',
        value_template: text('s.user_name'),
      }),
      since: component('since', {
        platform: 'sensor',
        name: 'In use since',
        device_class: 'timestamp',
        value_template: time('s.since'),
      }),
      operational: component('operational', {
        platform: 'binary_sensor',
        name: 'Operational',
        icon: 'mdi:power',
        value_template: onOff('operational'),
      }),
      problem: component('problem', {
        platform: 'binary_sensor',
        name: 'Problem',
        device_class: 'problem',
        value_template: onOff('problem'),
      }),
      problem_text: component('problem_text', {
        platform: 'sensor',
        name: 'Problem reported',
        icon: 'mdi:message-alert',
        value_template: text('s.problem_title'),
        ...attributes('{"problem": s.problem_title, "count": s.problem_count, "shutdown": s.problem_shutdown}'),
      }),
      next_reservation: component('next_reservation', {
        platform: 'sensor',
        name: 'Next reservation',
        device_class: 'timestamp',
        value_template: time('s.next_reservation.start_time if s.next_reservation else none'),
        ...attributes('s.next_reservation or {}'),
      }),
    },
  }
}

const ORIGIN = { name: 'nemo-mqtt', sw_version: version() }

/** The beginning of a template: what the message says, taken out of its envelope when it is signed. */
function read(name: string, value: string, { isSigned }: DiscoveryOptions): string {
  return `{% set ${name} = ${isSigned ? `${value}.payload | from_json` : value} %}`
}

/** The word on `bridge/state`, which is no JSON when it is not signed. */
function word({ isSigned }: DiscoveryOptions): string {
  return isSigned ? 'value_json.payload' : 'value'
}
