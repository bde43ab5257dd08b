import t, { type Test } from 'tap'
import { freePort } from '../../lab/port.ts'
import { until } from '../../lab/wait.ts'
import type { ShownHistory, ShownTrace } from '../../src/monitor/shown.ts'
import { delivered, type Laboratory, openLaboratory } from '../service/laboratory.ts'

t.setTimeout(120_000)

t.test('of what memory has lost, what is known is told, and what is not, and what would keep it', async (t) => {
  const laboratory = await openLaboratory(t)
  const { sql, subscriber } = laboratory
  const change = async (id: number): Promise<string> => {
    await sql(`update "NEMO_tool" set operational = not operational where id = ${id}`)
    const { parsed } = await subscriber.waitFor(({ topic }) => topic.startsWith(`nemo/tools/${id}/`), 10_000)
    return String((parsed as { event_id: string }).event_id.split('-')[1])
  }
  const [first] = await run(t, laboratory, { log_messages: true }, async () => {
    const logged = await change(1)
    await delivered(laboratory)
    await until(async () => (await sql('select from nemo_mqtt.message_log')).length > 0, { what: 'the log' })
    return logged
  })
  const [second] = await run(t, laboratory, {}, async (ask) => {
    const trace = await ask<ShownTrace>(`changes/${first}`)
    t.match(trace, { from: 'message log', table: 'NEMO_tool', row: '1', readAt: null, columns: [] })
    t.match(trace.messages[0], { event: 'tool_disabled', topic: 'nemo/tools/1/disabled', outcome: 'delivered' })
    t.match(trace.notes.join(' '), /kept in memory only/)
    const { history } = await ask<{ history: ShownHistory }>('recent')
    t.match(history.messages, [{ kind: 'redis', from: 'before', topic: 'nemo/tools/1/disabled', change: first }])
    const memory = await change(2)
    t.match(await ask(`changes/${memory}`), { from: 'memory', table: 'NEMO_tool' })
    await delivered(laboratory)
    return memory
  })
  await run(t, laboratory, {}, async (ask) => {
    const trace = await ask<ShownTrace>(`changes/${second}`)
    t.match(trace, { from: 'nowhere', table: null, messages: [] })
    t.match(trace.notes.join(' '), /NEMO_MQTT_LOG_MESSAGES=true/)
    return ''
  })
})

type Ask = <T>(path: string) => Promise<T>

/** Runs a service for as long as something is done with it. */
async function run(
  t: Test,
  laboratory: Laboratory,
  settings: Readonly<Record<string, boolean>>,
  act: (ask: Ask) => Promise<string>,
): Promise<[string]> {
  const port = await freePort()
  const service = await laboratory.start({ settings: { http_port: port, ...settings } })
  await service.says('http', 'ok')
  await service.says('redis', 'ok')
  await service.says('broker', 'ok')
  const ask: Ask = async (path) => {
    const response = await fetch(`http://127.0.0.1:${port}/mqtt/api/monitor/${path}`)
    t.equal(response.status, 200)
    return (await response.json()) as never
  }
  const result = await act(ask)
  await service.stop()
  return [result]
}
