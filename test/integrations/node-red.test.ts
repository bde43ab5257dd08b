import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt from 'mqtt'
import t from 'tap'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { signEnvelope } from '../../src/sign/envelope.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { openLaboratory } from '../service/laboratory.ts'
import { type FlowNode, startNodeRed } from './node-red.ts'

t.setTimeout(240_000)

const SECRET = 'lab secret'
const FLOWS = JSON.parse(
  readFileSync(join(PACKAGE_ROOT, 'integrations', 'node-red', 'flows.json'), 'utf8'),
) as FlowNode[]
const nodeCalled = (name: string): FlowNode => FLOWS.find((node) => node.name === name) as FlowNode

/** The shipped flows with another broker, and what comes out of each end published below `out/`. */
function flowsFor(port: number): FlowNode[] {
  const ends = ['NEMO usage', 'NEMO tool up or down', 'NEMO problems', 'NEMO everything else', 'refused']
  const outputs: FlowNode[] = ends.flatMap((name, index) => {
    const node = { z: nodeCalled(name).z, x: 0, y: 0 }
    return [
      { ...node, id: `in${index}`, type: 'link in', name: '', links: [nodeCalled(name).id], wires: [[`out${index}`]] },
      {
        ...node,
        id: `out${index}`,
        type: 'mqtt out',
        topic: `out/${name}`,
        qos: '1',
        retain: '',
        broker: nodeCalled('broker of the laboratory').id,
        wires: [],
      },
    ]
  })
  const changed = FLOWS.map((node) => {
    if (node.type === 'mqtt-broker') return { ...node, broker: '127.0.0.1', port: String(port) }
    if (node.type === 'link out') return { ...node, links: [`in${ends.indexOf(String(node.name))}`] }
    // A debug node shows to people; the test listens where its input comes from.
    if (node.name === 'open and verify')
      return { ...node, wires: [(node.wires as string[][])[0], [nodeCalled('refused').id, 'out4']] }
    // Node-RED keeps a secret apart from the flows; here it comes from the environment, which it falls back to.
    if (node.type === 'tab') return { ...node, env: [] }
    return node
  })
  return [...changed, ...outputs.filter(({ id }) => id !== 'in4')]
}

t.test('the real Node-RED runs the flows: signatures verified, repeats dropped, events sorted by kind', async (t) => {
  const laboratory = await openLaboratory(t)
  const { broker, sql, subscriber } = laboratory
  const out = await startSubscriber({ url: broker.url, topics: ['out/#'] })
  t.teardown(() => out.stop())
  await startNodeRed(t, flowsFor(broker.port), { NEMO_MQTT_SECRET: SECRET })
  await laboratory.start({ settings: { use_hmac: true, hmac_secret_key: SECRET } })
  const events = (end: string): Array<Record<string, unknown>> =>
    out.messages.filter(({ topic }) => topic === `out/${end}`).map(({ parsed }) => parsed as Record<string, unknown>)
  // It listens as soon as a message of the bridge itself has come through.
  await out.waitFor(({ topic }) => topic === 'out/NEMO everything else', 60_000)

  await sql(
    `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id, start) values (1, 1, 1, 1, now())`,
  )
  await sql(`update "NEMO_tool" set operational = not operational where id = 2`)
  await until(() => events('NEMO usage').length === 1 && events('NEMO tool up or down').length === 1, {
    what: 'both events',
    deadlineMs: 20_000,
  })
  t.match(events('NEMO usage'), [{ event: 'tool_usage_start', tool_id: 1, user_name: /\w/ }])

  const start = subscriber.messages.find(({ topic }) => topic === 'nemo/tools/1/start')
  const client = await mqtt.connectAsync(broker.url)
  t.teardown(() => client.endAsync(true))
  await client.publishAsync('nemo/tools/1/start', start?.raw ?? '', { qos: 1 }) // a repeat, as after a crash
  const forged = signEnvelope('{"event":"tool_usage_start","tool_id":9,"event_id":"forged"}', 'another secret')
  await client.publishAsync('nemo/tools/9/start', forged, { qos: 1 })
  await client.publishAsync('nemo/tools/9/start', '{"event":"tool_usage_start","tool_id":9,"event_id":"unsigned"}', {
    qos: 1,
  })
  await client.publishAsync(
    'nemo/tools/9/tasks',
    signEnvelope('{"event":"task_created","task_id":1,"event_id":"other"}', SECRET),
    { qos: 1 },
  )
  await until(() => events('NEMO problems').length === 1, { what: 'the last one', deadlineMs: 20_000 })
  t.equal(events('NEMO usage').length, 1, 'neither the repeat nor the forged one')
  t.equal(out.messages.filter(({ topic }) => topic === 'out/refused').length, 2)
})
