import t from 'tap'
import { discoveryTopics } from '../../src/retain/home-assistant.ts'
import type { LaboratoryState } from '../../src/state/laboratory-state.ts'
import type { ToolState } from '../../src/state/state.ts'

const OPTIONS = { prefix: 'nemo', discoveryPrefix: 'homeassistant', installation: 'ab12cd34' }

function tool(id: string, name: string, changed: Partial<ToolState> = {}): ToolState {
  return {
    tool_id: id,
    tool_name: name,
    category: null,
    visible: true,
    parent_tool_id: null,
    operational: true,
    in_use: false,
    usage: null,
    delayed_logoff: null,
    problem_count: 0,
    problem: null,
    missing_resources: [],
    outage: null,
    next_outage: null,
    reservation: null,
    next_reservation: null,
    waiting: 0,
    ready_to_use: true,
    ...changed,
  }
}

const laboratory = (...tools: ToolState[]): LaboratoryState => ({ time: null, tools, areas: [], problem: null })

interface Device {
  readonly device: { readonly name: string; readonly identifiers: string[] }
  readonly components: Readonly<Record<string, { readonly unique_id: string }>>
}

const devices = (topics: Map<string, string>): Device[] =>
  [...topics.values()].map((text) => JSON.parse(text) as Device)
const uniqueIds = (topics: Map<string, string>): string[] =>
  devices(topics).flatMap(({ components }) => Object.values(components).map(({ unique_id }) => unique_id))

t.test('C126 discovery topics hold letters, digits, _ and - alone, whatever a tool is called', async (t) => {
  const names = ['Ångström E-beam #2.1 / (old)', '+/#', '', '日本', '<b>"quoted"</b>']
  const topics = discoveryTopics(laboratory(...names.map((name, n) => tool(String(n + 1), name))), OPTIONS)
  for (const topic of topics.keys()) t.match(topic, /^homeassistant\/device\/[a-zA-Z0-9_-]+\/config$/)
  t.strictSame(
    devices(topics)
      .slice(1)
      .map(({ device }) => device.name),
    names,
    'the shown name is untouched',
  )
})

t.test('C127 two laboratories at one broker have nothing in common, with the same ids of tools', async (t) => {
  const one = discoveryTopics(laboratory(tool('1', 'SEM')), OPTIONS)
  const other = discoveryTopics(laboratory(tool('1', 'SEM')), { ...OPTIONS, installation: 'ef56ab78', prefix: 'other' })
  t.equal(new Set([...one.keys(), ...other.keys()]).size, 4)
  const all = [...uniqueIds(one), ...uniqueIds(other)]
  t.equal(new Set(all).size, all.length)
})

t.test('C128 another name is the same device; hidden tools have none', async (t) => {
  const before = discoveryTopics(laboratory(tool('1', 'SEM')), OPTIONS)
  const after = discoveryTopics(laboratory(tool('1', 'Microscope')), OPTIONS)
  t.strictSame([...after.keys()], [...before.keys()])
  t.strictSame(uniqueIds(after), uniqueIds(before))
  t.equal(discoveryTopics(laboratory(tool('1', 'SEM', { visible: false })), OPTIONS).size, 1)
})

t.test('a tool is shown below its bridge, and has a name and a model where there are some', async (t) => {
  const shown = (one: ToolState) => devices(discoveryTopics(laboratory(one), OPTIONS))[1]?.device
  t.hasStrict(shown(tool('1', 'SEM', { category: 'Imaging' })), {
    name: 'SEM',
    model: 'Imaging',
    via_device: 'nemo_ab12cd34',
  })
  t.equal(shown(tool('1', 'SEM', { tool_name: null }))?.name, 'Tool 1')
  for (const category of ['', null]) t.notOk('model' in (shown(tool('1', 'SEM', { category })) ?? {}))
})
