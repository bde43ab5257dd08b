import type { IClientPublishOptions } from 'mqtt'
import { CUSTOM } from '../choose/event-patterns.ts'
import type { Settings } from '../config/settings.ts'
import type { Entry } from '../queue/entry.ts'

/** What stands beside the payload under MQTT 5 (section 3.3.2.3). */
export interface Attributes {
  readonly properties: NonNullable<IClientPublishOptions['properties']>
  /** What they add to the packet, in bytes. */
  readonly bytes: number
}

/**
 * CloudEvents attributes as user properties (CloudEvents 1.0, MQTT protocol binding, binary mode), content type, payload
 * format and expiry. Undefined under MQTT 3.1.1, which has no place for them, and for messages that are no events of
 * ours. The payload is the same with and without them.
 */
export function attributesOf(
  entry: Entry,
  settings: Pick<Settings, 'mqtt_version' | 'message_expiry'>,
): Attributes | undefined {
  const { origin, about } = entry
  if (settings.mqtt_version !== '5' || origin === null || about === undefined) return undefined
  const userProperties = {
    specversion: '1.0',
    id: `${origin.installation}-${origin.change}-${origin.index}`,
    source: `urn:nemo-mqtt:${origin.installation}`,
    type: `nemo.${about.event}`,
    subject: entry.entity,
    time: about.time,
    // Nobody knows the schema of a message of the laboratory's own.
    ...(about.event === CUSTOM ? {} : { dataschema: `urn:nemo-mqtt:${about.event}` }),
  }
  const contentType = 'application/json'
  const expiry = settings.message_expiry
  const properties = {
    payloadFormatIndicator: true,
    contentType,
    ...(expiry === 0 ? {} : { messageExpiryInterval: expiry }),
    userProperties,
  }
  let bytes = 2 + 2 + 3 + contentType.length + (expiry === 0 ? 0 : 5) // two for their length: they are longer than 127
  for (const [name, value] of Object.entries(userProperties)) bytes += 5 + name.length + Buffer.byteLength(value)
  return { properties, bytes: bytes - 1 } // a packet without any has a byte that says so
}
