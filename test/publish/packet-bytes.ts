import type { IClientPublishOptions } from 'mqtt'
import { generate } from 'mqtt-packet'

/** Bytes of a PUBLISH packet as the library writes it. */
export function mqttPacketBytes(
  topic: string,
  payload: string,
  properties: NonNullable<IClientPublishOptions['properties']> = {},
): number {
  const packet = {
    cmd: 'publish',
    topic,
    payload,
    qos: 1,
    retain: false,
    dup: false,
    messageId: 1,
    properties,
  } as const
  return generate(packet, { protocolVersion: 5 }).length
}
