import { EVENTS, type EventName } from '../event.ts'
import { bareSchema, type SchemaName } from './schemas.ts'
import { TOPICS } from './topics.ts'
import { CONTRACT_VERSION } from './version.ts'

const DESCRIPTION = `Every committed change of a NEMO laboratory. QoS 1, at least once: a repeat has the same \`event_id\`.
Messages of one tool, area, reservation or access record come in the order of NEMO's commits.
When signing is on, each message is wrapped in the schema \`envelope\`, and its \`payload\` holds what is described here.`

/** What `nemo-mqtt backfill` sends: schema, topic below the prefix. */
const SNAPSHOTS = [
  ['tool_snapshot', 'tools/{id}/snapshot'],
  ['area_snapshot', 'areas/{id}/snapshot'],
] as const satisfies ReadonlyArray<readonly [SchemaName, string]>

/** What is retained: schema, topic below the prefix. */
const OWN = [
  ['tool_state', 'tools/{id}/state'],
  ['area_state', 'areas/{id}/state'],
  ['tools_overall', 'tools/overall'],
  ['bridge_state', 'bridge/state'],
  ['bridge_health', 'bridge/health'],
] as const satisfies ReadonlyArray<readonly [SchemaName, string]>

/** What is retained for displays, below a prefix of its own. */
const DISPLAYS = ['tools/{id}/start', 'tools/{id}/idle', 'tools/{id}/disabled', 'tools/overall'] as const

/** A channel of the document: one topic and the messages on it. */
interface Channel {
  /** The setting that holds the first level of the topic. */
  readonly prefix: 'topic_prefix' | 'display_prefix'
  readonly topic: string
  readonly messages: readonly SchemaName[]
  readonly retain: boolean
}

/**
 * The contract as an AsyncAPI 3.0 document: topics as channels, messages with their schemas. For generators of code and
 * documentation.
 *
 * @param prefix default of the first level of all topics
 */
export function asyncApi(prefix = 'nemo'): Readonly<Record<string, unknown>> {
  const channels = allChannels()
  return {
    asyncapi: '3.0.0',
    info: { title: 'nemo-mqtt', version: CONTRACT_VERSION, description: DESCRIPTION, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(channels.map((channel) => [idOf(channel), channelOf(channel, prefix)])),
    operations: Object.fromEntries(channels.map((channel) => [`send_${idOf(channel)}`, operationOf(channel)])),
    components: {
      messages: Object.fromEntries(
        channels.flatMap(({ messages }) => messages).map((name) => [name, messageOf(name)] as const),
      ),
      schemas: { envelope: bareSchema('envelope') },
    },
  }
}

function allChannels(): Channel[] {
  const names = Object.keys(EVENTS) as EventName[]
  const topics = [...new Set(names.map((name) => TOPICS[name]))]
  const prefix: Channel['prefix'] = 'topic_prefix'
  const ofEvents = topics.map((topic) => ({
    prefix,
    topic,
    messages: names.filter((name) => TOPICS[name] === topic),
    retain: false,
  }))
  const own = (list: ReadonlyArray<readonly [SchemaName, string]>, retain: boolean): Channel[] =>
    list.map(([name, topic]) => ({ prefix, topic, messages: [name], retain }))
  const ofDisplays = DISPLAYS.map((topic): Channel => {
    const messages = [topic === 'tools/overall' ? 'tools_overall' : 'tool_display'] as const
    return { prefix: 'display_prefix', topic, messages, retain: true }
  })
  return [...ofEvents, ...own(SNAPSHOTS, false), ...own(OWN, true), ...ofDisplays]
}

function channelOf({ prefix: setting, topic, messages }: Channel, prefix: string): object {
  const parameters = { prefix: { description: `the setting ${setting}`, default: prefix } }
  return {
    address: `{prefix}/${topic}`,
    parameters: topic.includes('{id}') ? { ...parameters, id: { description: 'id of the row in NEMO' } } : parameters,
    messages: Object.fromEntries(messages.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
  }
}

function operationOf(given: Channel): object {
  const { messages, retain } = given
  const channel = `#/channels/${idOf(given)}`
  return {
    action: 'send',
    channel: { $ref: channel },
    messages: messages.map((name) => ({ $ref: `${channel}/messages/${name}` })),
    bindings: { mqtt: { qos: 1, retain, bindingVersion: '0.2.0' } },
  }
}

function messageOf(name: SchemaName): object {
  const { title, description, ...payload } = bareSchema(name)
  const contentType = name === 'bridge_state' ? 'text/plain' : 'application/json'
  return { name, title, summary: description, contentType, payload }
}

function idOf({ prefix, topic }: Channel): string {
  const id = topic.replace('/{id}', '').replaceAll('/', '_')
  return prefix === 'display_prefix' ? `display_${id}` : id
}
