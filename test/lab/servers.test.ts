import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { startPostgres } from '../../lab/postgres.ts'
import { startRedis } from '../../lab/redis.ts'
import { startSubscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'

t.test('PostgreSQL keeps its data through stop, kill and freeze', async (t) => {
  const postgres = await startPostgres({ settings: { log_statement: 'all' } })
  t.teardown(() => postgres.stop())
  const url = await postgres.createDatabase('first')
  t.match(url, /^postgresql:\/\/postgres@127\.0\.0\.1:\d+\/first$/)
  await postgres.execute('first', 'create table kept (id int); insert into kept values (1)')
  await postgres.createDatabase('second', 'first')

  await postgres.stop()
  t.notOk(postgres.isRunning)
  await t.rejects(postgres.execute('second', 'select 1'), /ECONNREFUSED/)
  await postgres.start()
  t.strictSame(await postgres.execute('second', 'select id from kept'), [{ id: 1 }])

  await postgres.execute('second', 'insert into kept values (2)')
  await postgres.kill()
  await postgres.start()
  t.strictSame(await postgres.execute('second', 'select count(*)::int as n from kept'), [{ n: 2 }])

  postgres.freeze()
  const answer = postgres.execute('second', 'select 3 as n')
  t.equal(await Promise.race([answer, delay(300, 'silence')]), 'silence')
  postgres.thaw()
  t.strictSame(await answer, [{ n: 3 }])
})

t.test('Redis loses or keeps its data as told', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  await redis.command('SET a 1')
  await redis.restart({ keepData: true })
  t.match(await redis.command('GET a'), /\r\n1\r\n/)
  await redis.kill()
  redis.forgetData()
  await redis.start()
  t.match(await redis.command('GET a'), '$-1')
})

for (const kind of ['mosquitto', 'aedes'] as const) {
  t.test(`${kind} passes messages, and a subscriber survives its restart`, async (t) => {
    const broker = await startBroker({ kind })
    t.teardown(() => broker.stop())
    const subscriber = await startSubscriber({ url: broker.url, protocol: broker.protocol })
    t.teardown(() => subscriber.stop())
    await subscriber.client.publishAsync('a/b', '{"n":1}', { qos: 1 })
    const [message] = await subscriber.waitFor(1)
    t.match(message, { topic: 'a/b', parsed: { n: 1 }, qos: 1, retain: false })
    await broker.kill()
    await until(() => !subscriber.client.connected, { what: 'the loss to be noticed' })
    await broker.start()
    await until(() => subscriber.client.connected, { what: 'reconnection' })
    await subscriber.client.publishAsync('a/b', '{"n":2}', { qos: 1 })
    await subscriber.waitFor((m) => (m.parsed as { n: number }).n === 2)
  })
}
