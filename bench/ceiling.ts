import { connect } from 'mqtt'
import { signEnvelope } from '../src/sign/envelope.ts'
import type { Counter } from './counter.ts'
import { round } from './figures.ts'

const WINDOW = 200

/**
 * What MQTT.js alone can do: publish ready-made, signed messages of the usual size at QoS 1 to the same broker and
 * subscriber, with the same window, and nothing else. Messages a second.
 */
export async function measureCeiling(
  brokerUrl: string,
  counter: Counter,
  messages: number,
  secret: string,
): Promise<number> {
  const client = connect(brokerUrl, { protocolVersion: 5 })
  await new Promise<void>((resolve) => client.once('connect', () => resolve()))
  const texts = Array.from({ length: messages }, (_, index) => {
    const payload = JSON.stringify({ ...SAMPLE, event_id: `ceiling-${index}-0` })
    return signEnvelope(payload, secret)
  })
  const arrived = counter.expect(messages)
  let sent = 0
  let unanswered = 0
  const fill = (): void => {
    while (unanswered < WINDOW && sent < messages) {
      unanswered += 1
      client.publish(`nemo/tools/${sent % 100}/start`, texts[sent] ?? '', { qos: 1 }, () => {
        unanswered -= 1
        fill()
      })
      sent += 1
    }
  }
  fill()
  const { firstAt, lastAt } = await arrived
  await client.endAsync()
  return round((messages / (lastAt - firstAt)) * 1000)
}

const SAMPLE = {
  event: 'tool_usage_start',
  usage_id: 4711,
  user_id: 45,
  user_name: 'Ada Lovelace',
  tool_id: 7,
  tool_name: 'Zeiss SEM',
  start_time: '2026-11-25T10:00:00.123456Z',
  end_time: null,
  timestamp: '2026-11-25T10:00:00.123456Z',
  operator_id: 45,
  operator_name: 'Ada Lovelace',
  project_id: 3,
  project_name: 'Graphene membranes',
  parent_tool_id: null,
  remote_work: false,
  training: false,
  username: 'ada',
  first_name: 'Ada',
  last_name: 'Lovelace',
}
