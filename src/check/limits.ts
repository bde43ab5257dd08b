import type { MqttClient } from 'mqtt'
import type { Settings } from '../config/settings.ts'
import { critical, type Finding, ok, warning } from './finding.ts'

/** Below these messages get slow, or do not fit: a problem report of NEMO can be long. */
const FEW = { receiveMaximum: 10, packetBytes: 65_536 } as const

/** What the broker allows, by its CONNACK. */
export function limitsOf({ mqtt_version, retain_messages }: Settings, client: MqttClient): Finding[] {
  if (mqtt_version !== '5') return [ok('MQTT 3.1.1, under which a broker cannot say its limits')]
  const { receiveMaximum = 65_535, maximumPacketSize, retainAvailable, maximumQoS } = client.serverProperties ?? {}
  const findings: Finding[] = []
  if (maximumQoS === 0) {
    findings.push(
      critical('the broker takes messages at QoS 0 only', 'allow QoS 1 at the broker: max_qos in mosquitto'),
    )
  }
  if (retainAvailable === false) {
    const what = retain_messages ? 'event messages and the state of the bridge are' : 'the state of the bridge is'
    const found = `the broker allows no retained messages, and ${what} retained`
    findings.push(critical(found, 'allow retained messages at the broker: retain_available in mosquitto'))
  }
  if (receiveMaximum < FEW.receiveMaximum) {
    const found = `the broker takes ${receiveMaximum} unacknowledged messages at once (Receive Maximum)`
    findings.push(warning(found, 'raise it at the broker: max_inflight_messages in mosquitto'))
  }
  if (maximumPacketSize !== undefined && maximumPacketSize < FEW.packetBytes) {
    const found = `the broker takes packets of ${maximumPacketSize} bytes at most; longer messages are parked`
    findings.push(warning(found, 'raise it at the broker: max_packet_size in mosquitto'))
  }
  if (findings.length > 0) return findings
  const size = maximumPacketSize === undefined ? 'any size' : `${maximumPacketSize} bytes`
  return [ok(`MQTT 5, Receive Maximum ${receiveMaximum}, packets of ${size}, retained messages allowed`)]
}
