import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { openSigned } from '../../lab/signature.ts'
import { until } from '../../lab/wait.ts'
import { KEYS, RELOAD } from '../../src/queue/keys.ts'
import { ConfiguredLaboratory, done, nothingThrown, stateOf } from './configured.ts'
import { delivered, leftOver, withRedis } from './laboratory.ts'
import { Load } from './load.ts'

t.setTimeout(300_000)

const lab = await ConfiguredLaboratory.open(t)
const { sql, postgres, broker, redis } = lab.laboratory
const KEY_A = 'the first key of all'
const KEY_B = 'the second key'

t.test('an unusable one made with psql: the last good settings stay; a new process sends nothing', async (t) => {
  const { load, seen, laboratory } = await lab.fresh(t)
  const service = await lab.start(t)
  await service.says('bridge', 'ok')
  const good = JSON.stringify((await sql('select settings from nemo_mqtt.configuration'))[0]?.settings)
  const wrong: ReadonlyArray<readonly [string, RegExp]> = [
    ['"keepalive": 0', /keepalive of configuration "lab": 0 must be >= 1/],
    ['"broker_prt": 1', /broker_prt of configuration "lab": there is no such setting; do you mean broker_port/],
    ['"password": "hunter2-hunter2"', /password of configuration "lab": .*stored without encryption/],
    ['"use_hmac": null', /use_hmac of configuration "lab": null cannot be its value/],
    ['"redis_url": "redis://hunter2@x"', /redis_url of configuration "lab": comes from the environment only/],
  ]
  for (const [setting, why] of wrong) {
    const from = service.lines.length
    await sql(`update nemo_mqtt.configuration set settings = '${good}'::jsonb || '{${setting}}'`)
    const line = await service.says('configuration', 'failing', 5_000, from)
    t.match(line.msg, why)
    t.match(line.msg, /last good settings stay in force/)
    t.ok((await load.roundTrip(5_000)) < 2_000, 'and messages flow')
  }
  // The lease is lost and taken again, in the same process.
  const from = service.lines.length
  await postgres.stop()
  await postgres.start()
  const after = await Load.open(t, laboratory)
  await after.roundTrip(15_000)
  t.notOk(service.lines.slice(from).some(({ stage, state }) => stage === 'configuration' && state === 'ok'))
  await delivered(laboratory)
  await service.stop()
  const second = await lab.start(t)
  t.match(await second.says('configuration', 'failing'), { msg: /redis_url of configuration "lab"/ })
  const before = seen.messages.length
  await after.writeMany(1, 10)
  await delay(1_500)
  t.equal(seen.messages.length, before, 'nothing is sent, the state neither')
  t.match(await leftOver(laboratory), { changeLog: 10, queue: 0 })
  const since = performance.now()
  await sql(`update nemo_mqtt.configuration set settings = '${good}'`)
  await seen.waitFor(({ payload }) => payload.includes('"change 11"'))
  t.ok(performance.now() - since < 4_000)
  t.notMatch(JSON.stringify([...service.lines, ...second.lines]), 'hunter2')
  nothingThrown(t, service)
})

t.test('a wrong key for the secrets: nothing is sent; the standby, with the right one, uses the newest', async (t) => {
  const { load, seen } = await lab.fresh(t)
  await lab.set(['hmac_secret_key=-', 'use_hmac=true'], KEY_A)
  const active = await lab.start(t, { settings: { config_key: 'a key that is not the right one' } })
  const line = await active.says('configuration', 'failing')
  t.match(line.msg, /hmac_secret_key of configuration "lab": .*is not the key with which it was stored/)
  const standby = await lab.start(t)
  await standby.says('lease', 'waiting')
  await load.writeMany(3, 5)
  await lab.set(['hmac_secret_key=-', 'topic_prefix=lab/west'], KEY_B)
  await delay(1_000)
  t.strictSame(
    seen.messages.filter(({ retain }) => !retain),
    [],
    'nothing was sent, signed or not',
  )
  await active.kill()
  await seen.waitFor(({ payload }) => payload.includes('change 5\\"'), 15_000)
  const sent = seen.messages.filter(({ retain }) => !retain)
  t.ok(sent.every(({ topic, raw }) => topic.startsWith('lab/west/') && openSigned(raw, KEY_B).fault === undefined))
  nothingThrown(t, standby)
})

t.test('PostgreSQL is restarted while it is reconfigured; one that is only created stops nothing', async (t) => {
  const { load, seen } = await lab.empty(t)
  const service = await lab.start(t, { settings: { broker_host: '127.0.0.1', broker_port: broker.port } })
  await service.says('bridge', 'ok')
  const from = service.lines.length
  await done(lab.config.create('lab', ['topic_prefix=lab/west']))
  await delay(1_200)
  t.ok((await load.roundTrip(5_000)) < 2_000, 'the environment alone still counts')
  t.strictSame(
    service.lines.slice(from).filter(({ stage }) => stage === 'configuration' || stage === 'broker'),
    [],
  )
  await done(lab.config.enable('lab'))
  await until(() => stateOf(seen, 'lab/west') === 'online', { deadlineMs: 2_000, what: 'the first prefix' })
  await postgres.stop()
  await postgres.start()
  await lab.set(['topic_prefix=lab/east'])
  await until(() => stateOf(seen, 'lab/east') === 'online', { deadlineMs: 10_000, what: 'the newest prefix' })
  nothingThrown(t, service)
})

t.test(`${KEYS.control}: ${RELOAD} makes it read and connect again; anything else does no harm`, async (t) => {
  const { load } = await lab.fresh(t)
  const way = await lab.proxy(t)
  await lab.set([`broker_port=${way.port}`])
  const service = await lab.start(t)
  await service.says('bridge', 'ok')
  load.start(100)
  await load.flows(5_000)
  for (const links of [2, 3]) {
    const since = performance.now()
    await withRedis(redis, (client) => client.lpush(KEYS.control, RELOAD))
    await until(() => way.accepted === links, { what: 'a new connection' })
    t.ok(performance.now() - since < 2_000, `after ${Math.round(performance.now() - since)} ms`)
    await service.says('bridge', 'ok')
  }
  await withRedis(redis, (client) => client.lpush(KEYS.control, 'dance', RELOAD, RELOAD))
  await service.logged(({ msg }) => msg.includes(`${KEYS.control} holds something`), 'the unknown word')
  await until(() => way.accepted === 4, { what: 'one connection for both' })
  await withRedis(redis, (client) => client.set(KEYS.control, RELOAD))
  await load.flows(5_000)
  t.equal(await withRedis(redis, (client) => client.type(KEYS.control)), 'string', 'a key of another kind is let be')
  await load.stop()
  await load.verify(t)
  t.equal(way.accepted, 4)
  nothingThrown(t, service)
})
