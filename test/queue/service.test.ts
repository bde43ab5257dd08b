import { Redis } from 'ioredis'
import t from 'tap'
import { startRedis } from '../../lab/redis.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { type ServiceProcess, sampleDatabase, startService } from '../fixtures/service.ts'
import { type Published, startStubBroker } from '../fixtures/stub-broker.ts'
import { delivered, openLaboratory } from '../service/laboratory.ts'

/** The whole service, killed and cornered where the queue is. */
t.setTimeout(180_000)

const ofTools = ({ topic }: Published): boolean => /^nemo\/tools\//.test(topic)
const eventId = ({ payload }: { payload: string }): string => (JSON.parse(payload) as { event_id: string }).event_id

t.test('one laboratory, cornered again and again', async (t) => {
  const laboratory = await openLaboratory(t)
  const { redis, sql, options, broker, postgres } = laboratory
  const client = new Redis(redis.url, { maxRetriesPerRequest: null })
  client.on('error', () => undefined) // it comes back by itself
  t.teardown(() => client.disconnect())
  const inFlight = (): Promise<number> => client.llen(KEYS.inFlight)

  await t.test(
    'C46 kill -9 while PUBACK is withheld: published again, the same event_id, then all is empty',
    async (t) => {
      const stub = await startStubBroker({ answer: (message) => (ofTools(message) ? 'withhold' : 0) })
      t.teardown(() => stub.stop())
      const service = await startService(options({ brokerPort: stub.port }))
      t.teardown(() => service.kill())
      await service.says('redis', 'ok')
      await sql(`update "NEMO_tool" set category = 'C46' where id = 1`)
      await until(() => stub.published.some(ofTools), { what: 'the first PUBLISH' })
      t.equal(await inFlight(), 1)
      await service.kill()
      t.equal(await inFlight(), 1, 'Redis still has it')
      stub.script = {}
      await service.start()
      await delivered(laboratory)
      const [first, again] = stub.published.filter(ofTools)
      t.equal(again?.payload, first?.payload, 'the same message, event_id included')
      await service.stop()
    },
  )

  await t.test(
    'C48 five hundred in flight and five hundred queued at kill -9: the old ones first, all in order',
    async (t) => {
      const stub = await startStubBroker({ answer: (message) => (ofTools(message) ? 'withhold' : 0) })
      t.teardown(() => stub.stop())
      const service = await startService(options({ brokerPort: stub.port, settings: { reconnect_delay: 1 } }))
      t.teardown(() => service.kill())
      await service.says('redis', 'ok')
      for (const [from, to] of [
        [1, 500],
        [501, 1_000],
      ] as const) {
        await sql(`do $$ begin for n in ${from}..${to} loop
        update "NEMO_tool" set category = 'C48 ' || n where id = 1 + n % 2; end loop; end $$`)
        if (to === 500) await until(async () => (await inFlight()) === 500, { what: '500 in flight' })
      }
      await until(async () => (await inFlight()) === 1_000, { what: 'everything to be in flight' })
      // A second one by mistake: it waits, and leaves what the first one has alone.
      const second = await startService(options({ brokerPort: stub.port }))
      t.teardown(() => second.kill())
      await second.says('lease', 'waiting')
      t.equal(await inFlight(), 1_000, 'the second one leaves them alone')
      await second.stop()
      await service.kill()
      // As a bridge with a smaller bound would leave it: half in flight, half queued.
      for (let n = 0; n < 500; n += 1) await client.lmove(KEYS.inFlight, KEYS.queue, 'LEFT', 'RIGHT')
      stub.script = {}
      stub.published.length = 0
      await service.start()
      await delivered(laboratory)
      for (const tool of [1, 2]) {
        const categories = stub.published
          .filter(({ topic }) => topic === `nemo/tools/${tool}`)
          .map(({ payload }) => Number((JSON.parse(payload) as { category: string }).category.split(' ')[1]))
        t.strictSame(
          categories,
          Array.from({ length: 500 }, (_, n) => 2 * n + 3 - tool),
          `tool ${tool}`,
        )
      }
      await service.stop()
    },
  )

  await t.test('C55 Redis is full: changes wait in PostgreSQL, the queue is drained, then all arrive', async (t) => {
    const subscriber = await startSubscriber({ url: broker.url, topics: ['nemo/tools/#'] })
    t.teardown(() => subscriber.stop())
    const service = await startService(options())
    t.teardown(() => service.kill())
    await service.says('bridge', 'ok')
    await client.config('SET', 'maxmemory', '1mb')
    await sql(`do $$ begin for n in 1..5000 loop
      update "NEMO_tool" set category = 'C55 ' || n where id = 1 + n % 5; end loop; end $$`)
    const line = await service.says('redis', 'failing')
    t.match(line, { msg: /maxmemory/, todo: /raise maxmemory/ })
    t.equal(Number((await sql('select count(*) from nemo_mqtt.change_log'))[0]?.count), 5_000, 'nothing was dropped')
    await client.config('SET', 'maxmemory', '0')
    await service.logged(({ msg }) => /takes entries again/.test(msg), 'the recovery')
    await delivered(laboratory)
    await until(() => new Set(subscriber.messages.map(eventId)).size === 5_000, { what: '5,000 different messages' })
    t.equal(subscriber.messages.length, 5_000, 'each once: the claim was never given up')
    await service.stop()
  })

  await t.test('two installations on one Redis list: the second is refused by name, and recovers', async (t) => {
    const first = await startService(options())
    t.teardown(() => first.kill())
    await first.says('redis', 'ok')
    const other = await startService(options({ databaseUrl: await sampleDatabase(postgres, 'other_lab') }))
    t.teardown(() => other.kill())
    const [row] = await sql(`select id from nemo_mqtt.installation`)
    const line = await other.says('redis', 'failing')
    t.match(line, { msg: /in use by installation \S+/, todo: /Redis database of its own/ })
    t.match(line.msg, String(row?.id))
    await sql(`update "NEMO_tool" set category = 'goes on' where id = 1`)
    await delivered(laboratory)
    await first.kill()
    await client.del(KEYS.status) // 90 s later
    await other.says('redis', 'ok')
    await other.stop()
  })

  await t.test('a run at DEBUG with wrong passwords everywhere shows none of them', async (t) => {
    const locked = await startRedis()
    t.teardown(() => locked.kill())
    await locked.command('CONFIG SET requirepass right-redis')
    const stub = await startStubBroker({ connack: 0x86 })
    t.teardown(() => stub.stop())
    const secrets = ['wrong-database-pw', 'wrong-redis@pw', 'wrong-mqtt-pw', 'the-hmac-key']
    const outputs: string[] = []
    const run = async (
      changed: Partial<Parameters<typeof startService>[0]>,
      stages: readonly string[],
    ): Promise<void> => {
      const service: ServiceProcess = await startService({
        ...options({ brokerPort: stub.port }),
        ...changed,
        settings: {
          log_level: 'DEBUG',
          username: 'bridge',
          password: 'wrong-mqtt-pw',
          use_hmac: true,
          hmac_secret_key: 'the-hmac-key',
          ...changed.settings,
        },
      })
      t.teardown(() => service.kill())
      for (const stage of stages) await service.says(stage, 'failing')
      await service.stop()
      outputs.push(service.lines.map((line) => JSON.stringify(line)).join('\n'))
    }
    const wrongDatabase = laboratory.databaseUrl.replace('postgres@', 'nobody:wrong-database-pw@')
    const wrongRedis = locked.url.replace('127.0.0.1', 'default:wrong-redis%40pw@127.0.0.1')
    await run({ databaseUrl: wrongDatabase, redisUrl: wrongRedis }, ['lease'])
    await run({ redisUrl: wrongRedis }, ['redis', 'broker'])
    const output = outputs.join('\n')
    for (const secret of secrets) {
      for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) {
        t.notOk(output.includes(form), `${form} is not shown`)
      }
    }
    t.match(output, /WRONGPASS/)
    t.match(output, /set user and password in NEMO_MQTT_REDIS_URL/)
    t.match(output, /correct NEMO_MQTT_USERNAME and NEMO_MQTT_PASSWORD/)
  })
})
