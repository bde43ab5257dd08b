import t from 'tap'
import { attributesOf } from '../../src/publish/attributes.ts'
import { packetBytes } from '../../src/publish/topic.ts'
import type { Entry } from '../../src/queue/entry.ts'
import { openLaboratory } from '../service/laboratory.ts'
import { mqttPacketBytes } from './packet-bytes.ts'

t.setTimeout(60_000)

const ENTRY: Entry = {
  topic: 'nemo/tools/5/start',
  payload: '{"event":"tool_usage_start","Zoë":"é"}',
  retain: false,
  entity: 'tools/5',
  origin: { installation: 'ab12cd34', change: '9007199254740993', index: 0, count: 1 },
  queuedAt: 1,
  about: { event: 'tool_usage_start', time: '2026-11-25T04:34:05.407914Z' },
}

t.test('the bytes that attributes add are those on the wire', async (t) => {
  for (const message_expiry of [0, 3600]) {
    const attributes = attributesOf(ENTRY, { mqtt_version: '5', message_expiry })
    const onTheWire = mqttPacketBytes(ENTRY.topic, ENTRY.payload, attributes?.properties)
    t.equal(packetBytes(ENTRY.topic, ENTRY.payload, attributes?.bytes), onTheWire)
  }
  t.equal(attributesOf(ENTRY, { mqtt_version: '3.1.1', message_expiry: 0 }), undefined)
  t.equal(attributesOf({ ...ENTRY, origin: null }, { mqtt_version: '5', message_expiry: 0 }), undefined)
})

t.test('under MQTT 5 an event is a CloudEvent, under 3.1.1 the payload is the same without it', async (t) => {
  const laboratory = await openLaboratory(t)
  const { subscriber, sql } = laboratory
  const settings = { message_expiry: 3600 }
  const first = await laboratory.start({ settings })
  await sql(`update "NEMO_tool" set operational = not operational where id = 1`)
  const five = await subscriber.waitFor(({ topic }) => topic.startsWith('nemo/tools/1/'))
  const event = five.parsed as Record<string, string>
  t.match(five.properties, { contentType: 'application/json', payloadFormatIndicator: true })
  t.ok(Number(five.properties.messageExpiryInterval) > 3500)
  const installation = event.event_id?.split('-')[0]
  t.strictSame(
    { ...five.properties.userProperties },
    {
      specversion: '1.0',
      id: event.event_id,
      source: `urn:nemo-mqtt:${installation}`,
      type: `nemo.${event.event}`,
      subject: 'tools/1',
      time: event.timestamp,
      dataschema: `urn:nemo-mqtt:${event.event}`,
    },
  )
  await first.stop()
  const count = subscriber.messages.length
  await laboratory.start({ settings: { ...settings, mqtt_version: '3.1.1' } })
  await sql(`update "NEMO_tool" set operational = not operational where id = 1`)
  const three = await subscriber.waitFor(
    (message) => subscriber.messages.indexOf(message) >= count && message.topic.startsWith('nemo/tools/1/'),
  )
  t.equal(three.properties.userProperties, undefined)
  t.strictSame(Object.keys(three.parsed as object), Object.keys(event))
})

t.test('a broker that allows small packets only gets the event without its attributes', async (t) => {
  const laboratory = await openLaboratory(t, { broker: ['max_packet_size 350'] })
  await laboratory.start()
  await laboratory.sql(`update "NEMO_tool" set operational = not operational where id = 1`)
  const message = await laboratory.subscriber.waitFor(({ topic }) => topic.startsWith('nemo/tools/1/'))
  t.ok(message.raw.length > 150)
  t.equal(message.properties.userProperties, undefined)
})
