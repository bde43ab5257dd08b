import { startService } from '../test/fixtures/service.ts'
import { round } from './figures.ts'
import { peakMemoryMb } from './process-cost.ts'
import { allDelivered, type Stand, TOOLS, whileRunning } from './stand.ts'

/** How a great backlog drains, as after a weekend without a broker, and how much memory that takes. */
export async function measureDrain(stand: Stand, changes: number) {
  await stand.client.query(
    `insert into nemo_mqtt.change_log (tbl, op, new)
     select 'NEMO_usageevent', 'INSERT', jsonb_build_object('id', s.n, 'tool_id', ours.id, 'user_id', 1,
            'operator_id', 1, 'project_id', 1, 'start', now(), 'end', now(), 'remote_work', false, 'training', false)
       from generate_series(1, $1) s(n) join ours on ours.n = s.n % ${TOOLS} order by s.n`,
    [changes],
  )
  const arrived = stand.counter.expect(changes)
  const service = await startService(stand.service)
  const { messages, firstAt, lastAt, faults } = await whileRunning(service, arrived)
  await allDelivered(stand.client)
  const drain = {
    changes,
    seconds: round((lastAt - firstAt) / 1000),
    messages_per_s: round((messages / (lastAt - firstAt)) * 1000),
    peak_memory_mb: round(peakMemoryMb(service.pid ?? 0)),
    faults,
  }
  await service.stop()
  return { drain }
}
