import { pino } from 'pino'
import t from 'tap'
import { Health } from '../../src/health.ts'
import { Metrics } from '../../src/http/metrics.ts'
import type { Observed } from '../../src/http/observed.ts'
import { Pulse } from '../../src/pulse.ts'
import type { Entry } from '../../src/queue/entry.ts'
import { Traffic } from '../../src/traffic.ts'

/** Every name with its labels. Dashboards and alert rules depend on them: one may be added, none renamed. */
const NAMES = `
nemo_mqtt_active
nemo_mqtt_changes_set_aside_total
nemo_mqtt_changes_silent_total
nemo_mqtt_changes_unmapped
nemo_mqtt_changes_waiting
nemo_mqtt_claims_total
nemo_mqtt_cpu_seconds_total
nemo_mqtt_delivery_seconds_bucket le
nemo_mqtt_delivery_seconds_count
nemo_mqtt_delivery_seconds_sum
nemo_mqtt_events_filtered_total
nemo_mqtt_events_total event
nemo_mqtt_in_flight_entries
nemo_mqtt_info version
nemo_mqtt_links_total
nemo_mqtt_messages_delivered_total
nemo_mqtt_messages_parked_total
nemo_mqtt_messages_refused_total
nemo_mqtt_messages_repeated_total
nemo_mqtt_messages_unheard_total
nemo_mqtt_oldest_change_seconds
nemo_mqtt_parked_messages
nemo_mqtt_pulse_age_seconds
nemo_mqtt_queue_entries
nemo_mqtt_ready
nemo_mqtt_resident_memory_bytes
nemo_mqtt_stage_ok stage
nemo_mqtt_start_time_seconds
nemo_mqtt_unanswered_messages
`

function open(changed: Partial<Observed> = {}) {
  const traffic = new Traffic()
  const pulse = new Pulse(() => 0)
  const entry = pulse.due('nemo', () => ({}))
  if (entry !== undefined) pulse.delivered(entry)
  const observed: Observed = {
    health: new Health(pino({ level: 'silent' })),
    pulse,
    readiness: () => ({ isReady: true, role: 'active', why: '' }),
    stuck: () => [],
    changeLog: async () => ({ depth: 3, oldestSeconds: 1.5, unmapped: 1 }),
    queue: async () => ({
      queued: 5,
      oldestQueuedAt: null,
      inFlight: 2,
      parked: 7,
      newestParked: [],
      bridge: 'connected',
    }),
    inFlight: () => ({ entries: 2, unanswered: 1 }),
    ...changed,
  }
  return { traffic, metrics: new Metrics(observed, traffic, () => 100) }
}

const entryOf = (queuedAt: number | null, topic = 'nemo/tools/1'): Entry => {
  return { topic, payload: '{}', retain: false, entity: topic, origin: null, queuedAt }
}

/** The series of a text, each as name and label names. */
function series(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? []
      return [name, ...[...labels.matchAll(/(\w+)="/g)].map(([, label]) => label)].join(' ')
    })
}

t.test('names and labels are those that dashboards know', async (t) => {
  const { traffic, metrics } = open()
  traffic.queued('tool_enabled')
  traffic.delivered({ entry: entryOf(99), hasSubscribers: true, attempts: 1 })
  const { text, contentType } = await metrics.text()
  t.match(contentType, 'text/plain')
  t.strictSame([...new Set(series(text))].sort(), NAMES.trim().split('\n'))
  for (const name of new Set(series(text).map((one) => one.replace(/ .*|_(bucket|sum|count)\b.*/g, '')))) {
    t.match(text, new RegExp(`^# HELP ${name} [A-Z0-9].`, 'm'), `${name} has a help`)
  }
})

t.test('the numbers are those of the moment', async (t) => {
  const { traffic, metrics } = open()
  traffic.delivered({ entry: entryOf(99.5), hasSubscribers: false, attempts: 2 })
  traffic.parked({ entry: entryOf(1), reason: 'x' })
  traffic.silent({
    id: '1',
    at: '2026-11-25T04:34:05Z',
    table: 'NEMO_task',
    operation: 'DELETE',
    old: { id: 1 },
    new: null,
  })
  const { text } = await metrics.text()
  for (const line of [
    'nemo_mqtt_changes_waiting 3',
    'nemo_mqtt_oldest_change_seconds 1.5',
    'nemo_mqtt_queue_entries 5',
    'nemo_mqtt_parked_messages 7',
    'nemo_mqtt_in_flight_entries 2',
    'nemo_mqtt_messages_delivered_total 1',
    'nemo_mqtt_messages_unheard_total 1',
    'nemo_mqtt_messages_repeated_total 1',
    'nemo_mqtt_messages_parked_total 1',
    'nemo_mqtt_changes_silent_total 1',
    'nemo_mqtt_ready 1',
    'nemo_mqtt_pulse_age_seconds 0',
    'nemo_mqtt_delivery_seconds_bucket{le="0.5"} 1',
    'nemo_mqtt_delivery_seconds_bucket{le="0.1"} 0',
    'nemo_mqtt_stage_ok{stage="broker"} 0',
  ]) {
    t.ok(text.split('\n').includes(line), line)
  }
})

t.test('what cannot be asked is missing, not zero, and comes back', async (t) => {
  let isAway = true
  const { metrics } = open({
    queue: async () =>
      isAway ? undefined : { queued: 0, oldestQueuedAt: null, inFlight: 0, parked: 0, newestParked: [], bridge: null },
    inFlight: () => undefined,
  })
  const away = (await metrics.text()).text
  t.notMatch(away, /^nemo_mqtt_queue_entries /m)
  t.notMatch(away, /^nemo_mqtt_in_flight_entries /m)
  t.match(away, /^nemo_mqtt_changes_waiting 3$/m, 'the others are there')
  isAway = false
  t.match((await metrics.text()).text, /^nemo_mqtt_queue_entries 0$/m)
})

t.test('C124 20,000 events over 5,000 tools make no further series', async (t) => {
  const { traffic, metrics } = open()
  traffic.queued('tool_enabled')
  traffic.delivered({ entry: entryOf(99), hasSubscribers: true, attempts: 1 })
  const before = series((await metrics.text()).text).length
  for (let n = 0; n < 20_000; n += 1) {
    traffic.queued('tool_enabled')
    traffic.delivered({ entry: entryOf(99, `nemo/tools/${n % 5_000}/"x"\n\\`), hasSubscribers: true, attempts: 1 })
  }
  const { text } = await metrics.text()
  t.equal(series(text).length, before)
  t.ok(before < 150, `${before} series`)
  t.notMatch(text, /tools\/\d/)
  t.match(text, /^nemo_mqtt_events_total\{event="tool_enabled"\} 20001$/m)
})
