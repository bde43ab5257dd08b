import mqttPacket from 'mqtt-packet'
import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { startProxy } from '../../lab/proxy.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { openEnvelope } from '../../src/sign/verify.ts'
import { brokerAt, openRig, upTo } from '../publish/rig.ts'

/** Signed or not at all: every byte that goes to the broker is looked at. */
t.setTimeout(60_000)
const SECRET = 'wire-secret'

for (const version of ['5', '3.1.1'] as const) {
  t.test(`MQTT ${version}: no PUBLISH and no will without a valid envelope, whatever is queued`, async (t) => {
    const broker = await startBroker()
    t.teardown(() => broker.kill())
    const proxy = await startProxy({ targetPort: broker.port })
    t.teardown(() => proxy.stop())
    const unsigned: string[] = []
    const states = new Set<string>()
    let publishes = 0
    let wills = 0
    const look = (what: string, payload: string): void => {
      const opened = openEnvelope(payload, SECRET)
      if (opened === undefined) unsigned.push(`${what} ${payload}`)
      else if (what.endsWith('bridge/state')) states.add(opened)
    }
    const parsers = new Map<number, mqttPacket.Parser>()
    proxy.tap((direction, chunk, connection) => {
      if (direction !== 'up') return
      let parser = parsers.get(connection)
      if (parser === undefined) {
        parser = mqttPacket.parser({ protocolVersion: version === '5' ? 5 : 4 })
        parser.on('packet', (packet: mqttPacket.Packet) => {
          if (packet.cmd === 'connect') {
            wills += 1
            look(packet.will?.topic ?? 'no will', String(packet.will?.payload))
          } else if (packet.cmd === 'publish') {
            publishes += 1
            look(packet.topic, packet.payload.toString())
          }
        })
        parser.on('error', (error: Error) => unsigned.push(`unreadable: ${error.message}`))
        parsers.set(connection, parser)
      }
      parser.parse(chunk)
    })
    const subscriber = await startSubscriber({ url: broker.url, protocol: version, topics: ['nemo/#'], secret: SECRET })
    t.teardown(() => subscriber.stop())
    const settings = { NEMO_MQTT_MQTT_VERSION: version, NEMO_MQTT_USE_HMAC: 'true', NEMO_MQTT_HMAC_SECRET_KEY: SECRET }
    const rig = await openRig(t, brokerAt(proxy.port, settings))
    await rig.pushAll(upTo(50).map((n) => [`nemo/tools/${n % 7}`, `{"text":"é 😀 \u2028 ${n}"}`]))
    const theirs = ['plain', '', '{"payload":"x","hmac":"0","algo":"none"}', 'lone \ud83d surrogate', '\u0000']
    await rig.pushTexts(
      theirs.map((payload, n) => JSON.stringify({ topic: `nemo/other/${n}`, payload, retain: n % 2 === 0 })),
    )
    await rig.pushTexts(['not json', '{}'])
    rig.start()
    t.equal(await rig.drained(), 2)
    proxy.reset()
    await rig.push('nemo/tools/1', 'after the link was lost')
    await rig.drained()
    await until(() => subscriber.messages.some(({ payload }) => payload === 'after the link was lost'), { what: 'it' })
    await rig.stop()
    await until(() => states.has('stopped'), { what: 'the farewell' })
    t.strictSame(unsigned, [])
    t.strictSame(subscriber.faults, [])
    t.strictSame([...states].sort(), ['lost', 'online', 'stopped'])
    t.ok(wills >= 2 && publishes >= 58, `${wills} wills and ${publishes} messages were looked at`)
  })
}
