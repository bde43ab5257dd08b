import mqtt from 'mqtt'
import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { freePort } from '../../lab/port.ts'
import { startRedis } from '../../lab/redis.ts'
import { until } from '../../lab/wait.ts'
import { type ArrivedMessage, Receiver } from '../../src/receive/receiver.ts'
import { runProgram } from '../check/run-check.ts'
import { Authority } from './certificates.ts'
import { settingsOf } from './link.ts'

/** The commands that look at what arrives, and the check, go through TLS as the service does. */
t.setTimeout(60_000)

const authority = new Authority('Lab CA')
const stranger = new Authority('Other CA')
const server = authority.sign()

t.test('a subscriber of ours: mqtts with the right authority, refused with another', async (t) => {
  const port = await freePort()
  const lines = [`listener ${port} 127.0.0.1`, `certfile ${server.cert}`, `keyfile ${server.key}`]
  const broker = await startBroker({ kind: 'mosquitto', configuration: lines })
  t.teardown(() => broker.kill())
  const settings = (ca: string) => settingsOf({ broker_port: port, broker_protocol: 'mqtts', tls_ca_file: ca })
  const arrived: ArrivedMessage[] = []
  const events = { onMessage: (message: ArrivedMessage) => arrived.push(message), onNote: () => undefined }
  const receiver = await Receiver.open(settings(authority.cert), 'lab/#', events)
  t.teardown(() => receiver.close())
  const client = await mqtt.connectAsync(broker.url)
  await client.publishAsync('lab/x', 'hello', { qos: 1 })
  await client.endAsync()
  await until(() => arrived.length > 0, { what: 'the message' })
  t.match(arrived, [{ topic: 'lab/x', text: 'hello' }])
  await t.rejects(Receiver.open(settings(stranger.cert), 'lab/#', events), { code: 'NEMO_MQTT_ERR_BROKER' })
})

t.test('nemo-mqtt-check: rediss with the right authority, and another one named', async (t) => {
  const port = await freePort()
  const files = ['--tls-cert-file', server.cert, '--tls-key-file', server.key, '--tls-ca-cert-file', authority.cert]
  const redis = await startRedis({ arguments: ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no'] })
  t.teardown(() => redis.kill())
  const check = async (ca: string): Promise<string> => {
    const environment = {
      NEMO_MQTT_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
      NEMO_MQTT_REDIS_URL: `rediss://127.0.0.1:${port}/1`,
      NEMO_MQTT_REDIS_CA_FILE: ca,
    }
    return (await runProgram(environment, ['--only', 'REDIS_REACHABLE'])).stdout
  }
  t.match(await check(authority.cert), /^ok REDIS_REACHABLE/m)
  t.match(
    await check(stranger.cert),
    /!! REDIS_REACHABLE .*signed by nobody whom we trust[\s\S]*NEMO_MQTT_REDIS_CA_FILE/,
  )
})
