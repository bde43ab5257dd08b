import { startSubscriber } from '../lab/subscriber.ts'
import { type ServiceProcess, startService } from '../test/fixtures/service.ts'
import { now, quantile, round } from './figures.ts'
import { cpuMs } from './process-cost.ts'
import { SECRET, type Stand } from './stand.ts'

const WRITES_PER_SECOND = 20
const SECONDS = 20
const IDLE_SECONDS = 60

/** All that keeps looking how the laboratory is; below a prefix of its own, where nobody counts. */
const STATES = { topic_prefix: 'states', publish_state: true, home_assistant: true, display_prefix: 'states' }

/** From the end of COMMIT to the subscriber at a steady trickle of writes; then what the service costs when idle. */
export async function measureLatency(stand: Stand) {
  const { client, brokerUrl } = stand
  const service = await startService({ ...stand.service, settings: { ...stand.service.settings, log_level: 'INFO' } })
  await service.says('bridge', 'ok')
  await service.says('notifications', 'ok')
  const subscriber = await startSubscriber({ url: brokerUrl, topics: ['nemo/tools/#'], secret: SECRET })
  const { rows } = await client.query<{ id: string }>('select id from ours where n = 0')
  const committedAt: number[] = []
  const total = WRITES_PER_SECOND * SECONDS
  for (let index = 0; index < total; index += 1) {
    const due = now() + 1000 / WRITES_PER_SECOND
    await client.query('update "NEMO_tool" set name = $1 where id = $2', [`Tool at ${index}`, rows[0]?.id])
    committedAt.push(now())
    await new Promise((resolve) => setTimeout(resolve, due - now())) // the rate is what is wanted here
  }
  const messages = await subscriber.waitFor(total, 20_000)
  const latencies = messages.map(({ parsed, receivedAt }) => {
    const write = Number((parsed as { tool_name: string }).tool_name.split(' ').at(-1))
    return receivedAt - (committedAt[write] ?? Number.NaN)
  })
  const faults = subscriber.faults.length
  await subscriber.stop()
  const idle = await measureIdle(service)
  await service.stop()
  const states = await startSubscriber({ url: brokerUrl, topics: ['states/tools/overall'], secret: SECRET })
  const telling = await startService({ ...stand.service, settings: { ...stand.service.settings, ...STATES } })
  await states.waitFor(({ topic }) => topic === 'states/tools/overall', 30_000)
  await states.stop()
  const idle_with_states = await measureIdle(telling)
  await telling.stop()
  return {
    commit_to_subscriber: {
      writes_per_s: WRITES_PER_SECOND,
      messages: latencies.length,
      p50_ms: round(quantile(latencies, 0.5)),
      p99_ms: round(quantile(latencies, 0.99)),
      faults,
    },
    idle,
    idle_with_states,
  }
}

async function measureIdle(service: ServiceProcess): Promise<{ seconds: number; percent_of_a_core: number }> {
  const pid = service.pid
  if (pid === undefined) throw new Error('the service has ended')
  const before = cpuMs(pid)
  await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000)) // idling is what is measured
  return { seconds: IDLE_SECONDS, percent_of_a_core: round((cpuMs(pid) - before) / (IDLE_SECONDS * 10)) }
}
