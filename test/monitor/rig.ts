import { pino } from 'pino'
import { readSettings } from '../../src/config/environment.ts'
import { LiveSettings } from '../../src/config/live.ts'
import type { Settings } from '../../src/config/settings.ts'
import { Health, STAGES } from '../../src/health.ts'
import type { Observed } from '../../src/http/observed.ts'
import { Monitor, type MonitorParts } from '../../src/monitor/monitor.ts'
import { Pulse } from '../../src/pulse.ts'
import { type Entry, encodeEntry } from '../../src/queue/entry.ts'
import { Traffic } from '../../src/traffic.ts'

/** A monitor without a service: what passes is told by the test. */
export interface MonitorRig {
  readonly monitor: Monitor
  readonly traffic: Traffic
  readonly settings: Settings
  readonly observed: Observed
}

/** Makes one in which everything is ok. */
export function monitorRig(changed: Partial<MonitorParts> = {}, variables: NodeJS.ProcessEnv = {}): MonitorRig {
  const settings = readSettings({
    NEMO_MQTT_DATABASE_URL: 'postgres://nobody@127.0.0.1/nothing',
    NEMO_MQTT_BROKER_HOST: '127.0.0.1',
    ...variables,
  })
  const health = new Health(pino({ level: 'silent' }))
  for (const stage of STAGES) health.ok(stage)
  const traffic = new Traffic()
  const observed: Observed = {
    health,
    pulse: new Pulse(),
    readiness: () => ({ isReady: true, role: 'active', why: '' }),
    stuck: () => [],
    changeLog: async () => ({ depth: 0, oldestSeconds: 0, unmapped: 0 }),
    queue: async () => undefined,
    inFlight: () => ({ entries: 0, unanswered: 0 }),
  }
  const monitor = new Monitor({
    traffic,
    live: new LiveSettings(settings),
    ask: { ...observed, configuration: async () => 'the environment alone' },
    secrets: () => ['hunter2-hunter2'],
    variables: {},
    delivered: async () => [],
    findChange: async () => undefined,
    ...changed,
  })
  return { monitor, traffic, settings, observed }
}

/** An entry of a change, as the listener makes it. */
export function entryOf(change: number, payload = `{"event":"tool_updated","n":${change}}`): Entry {
  return {
    topic: `nemo/tools/${change % 50}`,
    payload,
    retain: false,
    entity: `tools/${change % 50}`,
    origin: { installation: 'rig', change: String(change), index: 0, count: 1 },
    queuedAt: Date.now() / 1_000,
  }
}

/** Lets a message take the whole way. */
export function pass(traffic: Traffic, entry: Entry): void {
  if (entry.origin !== null) {
    const change = {
      id: entry.origin.change,
      at: new Date().toISOString(),
      table: 'NEMO_tool',
      operation: 'UPDATE' as const,
      old: { id: 1, name: 'the old name', category: 'a' },
      new: { id: 1, name: 'the new name hunter2-hunter2', category: 'a' },
    }
    const mapped = { change, entries: [encodeEntry(entry)] }
    traffic.mapped(mapped, performance.now())
    traffic.pushed([mapped])
  }
  traffic.taken(entry)
  traffic.sent(entry)
  traffic.delivered({ entry, hasSubscribers: true, attempts: 1, wire: entry.payload })
}
