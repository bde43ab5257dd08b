import type { Change } from '../change.ts'
import { AppError } from '../errors.ts'
import { customEvent, customTopicProblem } from './custom.ts'
import type { MappedEvent } from './mapped.ts'

/** What the change log has in place of a table for a message that was given to `nemo_mqtt.emit()`. */
export const EMITTED = 'nemo_mqtt.emit'

/**
 * The message that somebody gave to `nemo_mqtt.emit()`.
 *
 * @throws AppError NEMO_MQTT_ERR_CHANGE when its topic cannot be used: it is set aside with the reason
 */
export function mapEmitted(change: Change): MappedEvent[] {
  const { topic, payload } = change.new ?? {}
  const problem = typeof topic === 'string' ? customTopicProblem(topic) : 'is NULL'
  if (typeof topic !== 'string' || problem !== undefined || typeof payload !== 'string') {
    const what = problem === undefined ? 'it has no payload' : `its topic ${JSON.stringify(topic)} ${problem}`
    throw new AppError('NEMO_MQTT_ERR_CHANGE', `nemo_mqtt.emit() was given a message that cannot be sent: ${what}`)
  }
  return [customEvent(topic, payload, change.at)]
}
