import type { Settings } from '../src/config/settings.ts'
import { startService } from '../test/fixtures/service.ts'
import { measureCeiling } from './ceiling.ts'
import { round } from './figures.ts'
import { allDelivered, recordUsages, SECRET, type Stand, whileRunning } from './stand.ts'

const MESSAGES = 60_000
const RUNS = 3
/** With MQTT 5 each message has its CloudEvents attributes; the ceiling has none, as under MQTT 3.1.1. */
const VERSIONS = ['5', '3.1.1'] as const satisfies ReadonlyArray<Settings['mqtt_version']>

/** Change log to subscriber, signed, beside what MQTT.js alone can do; in turn, so that all meet the same machine. */
export async function measureFlow(stand: Stand) {
  const ceilings: number[] = []
  const flows = { '5': [] as number[], '3.1.1': [] as number[] }
  let faults = 0
  for (let run = 0; run < RUNS; run += 1) {
    ceilings.push(await measureCeiling(stand.brokerUrl, stand.counter, MESSAGES, SECRET))
    for (const version of VERSIONS) {
      const flow = await flowOnce(stand, version)
      flows[version].push(flow.messages_per_s)
      faults += flow.faults
    }
  }
  const ceiling = Math.max(...ceilings)
  const best = (runs: readonly number[]) => {
    const messages_per_s = Math.max(...runs)
    return { messages_per_s, ratio_to_ceiling: round(messages_per_s / ceiling), runs }
  }
  return {
    mqtt_ceiling: { messages_per_s: ceiling, runs: ceilings },
    change_log_to_subscriber: {
      messages: MESSAGES,
      signed: true,
      mqtt_5: best(flows['5']),
      mqtt_3_1_1: best(flows['3.1.1']),
      faults,
    },
  }
}

async function flowOnce(
  stand: Stand,
  mqtt_version: Settings['mqtt_version'],
): Promise<{ messages_per_s: number; faults: number }> {
  await recordUsages(stand.client, MESSAGES)
  const arrived = stand.counter.expect(MESSAGES)
  const service = await startService({ ...stand.service, settings: { ...stand.service.settings, mqtt_version } })
  const { messages, firstAt, lastAt, faults } = await whileRunning(service, arrived)
  await allDelivered(stand.client)
  await service.stop()
  return { messages_per_s: round((messages / (lastAt - firstAt)) * 1000), faults }
}
