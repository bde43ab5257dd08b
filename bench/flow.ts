import { startService } from '../test/fixtures/service.ts'
import { measureCeiling } from './ceiling.ts'
import { round } from './figures.ts'
import { allDelivered, recordUsages, SECRET, type Stand } from './stand.ts'

const MESSAGES = 60_000
const RUNS = 3

/** Change log to subscriber, signed, beside what MQTT.js alone can do; in turn, so that both meet the same machine. */
export async function measureFlow(stand: Stand) {
  const ceilings: number[] = []
  const flows: number[] = []
  let faults = 0
  for (let run = 0; run < RUNS; run += 1) {
    ceilings.push(await measureCeiling(stand.brokerUrl, stand.counter, MESSAGES, SECRET))
    const flow = await flowOnce(stand)
    flows.push(flow.messages_per_s)
    faults += flow.faults
  }
  const ceiling = Math.max(...ceilings)
  const flow = Math.max(...flows)
  return {
    mqtt_ceiling: { messages_per_s: ceiling, runs: ceilings },
    change_log_to_subscriber: {
      messages: MESSAGES,
      signed: true,
      messages_per_s: flow,
      ratio_to_ceiling: round(flow / ceiling),
      runs: flows,
      faults,
    },
  }
}

async function flowOnce(stand: Stand): Promise<{ messages_per_s: number; faults: number }> {
  await recordUsages(stand.client, MESSAGES)
  const arrived = stand.counter.expect(MESSAGES)
  const service = await startService(stand.service)
  const { messages, firstAt, lastAt, faults } = await arrived
  await allDelivered(stand.client)
  await service.stop()
  return { messages_per_s: round((messages / (lastAt - firstAt)) * 1000), faults }
}
