import { execFileSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { freePort } from '../../lab/port.ts'
import type { ReceivedMessage, Subscriber } from '../../lab/subscriber.ts'
import { until } from '../../lab/wait.ts'
import { peekOrigin } from '../../src/queue/entry.ts'
import { KEYS } from '../../src/queue/keys.ts'
import { openEnvelope } from '../../src/sign/verify.ts'
import { runHere } from '../messages/command.ts'
import { ConfiguredLaboratory, done, nothingThrown } from '../service/configured.ts'
import { delivered, withRedis } from '../service/laboratory.ts'

/** The plugin's dialect at a subscriber, in Redis, live and over crashes. */
t.setTimeout(180_000)

const KEY = 'lab secret “µ”'
const lab = await ConfiguredLaboratory.open(t)
const { sql, redis, broker } = lab.laboratory

/** Whether a text is as Python's json.dumps writes it. */
function isPython(texts: readonly string[]): boolean {
  const script = 'import json, sys\nfor line in sys.stdin: print(json.dumps(json.loads(line)))'
  return (
    execFileSync('python3', ['-c', script], { input: texts.join('\n'), encoding: 'utf8' }).trim() === texts.join('\n')
  )
}

/** What arrives of some SQL, without what the bridge says of itself. */
async function arrivals(text: string, seen: Subscriber): Promise<ReceivedMessage[]> {
  const before = seen.messages.length
  await sql(text)
  await delivered(lab.laboratory)
  return (await upToNow(seen)).slice(before).filter(({ topic }) => !/\/bridge\/|^end$/.test(topic))
}

// The broker gives messages to a subscriber in their order: with this one, those before it are there too.
async function upToNow(seen: Subscriber): Promise<ReceivedMessage[]> {
  const token = `${Math.random()}`
  await seen.client.publishAsync('end', token)
  await seen.waitFor(({ topic, payload }) => topic === 'end' && payload === token)
  return seen.messages
}

const told = (messages: ReceivedMessage[]) => messages.map(({ topic, payload }) => `${topic} ${payload}`)
const DOWN = `update "NEMO_tool" set operational = not operational, name = 'Ätzer' where id = 4`
const TASK = `insert into "NEMO_task" (tool_id, creator_id, problem_description, urgency, safety_hazard,
  force_shutdown, creation_time) values (4, 3, 'x', 0, false, false, now())`

t.test('live, in the plugin’s words: topics, fields, texts, envelope; our event stays its identity', async (t) => {
  const { seen } = await lab.fresh(t, 'log_messages=true')
  const service = await lab.start(t)
  await service.says('bridge', 'ok')
  t.match(
    (await arrivals(DOWN, seen)).map(({ topic }) => topic),
    ['nemo/tools/4', 'nemo/tools/4/disabled'],
  )
  const variables = { ...lab.config.variables, NEMO_MQTT_REDIS_URL: redis.url }
  const choose = async (...assignments: string[]): Promise<void> => {
    const from = service.lines.length
    await lab.set(assignments)
    const isTold = (): boolean =>
      service.lines.slice(from).some(({ stage, msg }) => stage === 'configuration' && msg.startsWith('in force is'))
    await until(isTold, { what: 'the new settings' })
  }
  t.match(await lab.config.set('lab', ['dialect=plugin', 'topic_template={prefix}/x/{id}', 'tool_topic_key=name']), {
    code: 2,
    notes: /topic_template of .*: does not apply to dialect plugin.*\n.*tool_topic_key of .*: does not apply/,
  })
  await choose('dialect=plugin')
  const both = await arrivals(`update "NEMO_tool" set operational = true, name = 'Ätzer 2' where id = 4`, seen)
  t.strictSame(told(both), [
    'nemo/tools/4 {"event": "tool_updated", "tool_id": 4, "tool_name": "\\u00c4tzer 2", "tool_status": true, "timestamp": false}',
  ])
  const { id, type, subject } = both[0]?.properties.userProperties ?? {}
  t.match({ id, type, subject }, { id: /-0$/, type: 'nemo.tool_updated', subject: 'tools/4' })
  const usage = await arrivals(
    `insert into "NEMO_usageevent" (tool_id, user_id, operator_id, project_id) values (1, 3, 4, 1)`,
    seen,
  )
  t.match(told(usage), [
    /^nemo\/tools\/1\/enabled \{"event": "tool_enabled", "tool_id": 1, "tool_name": "[^"]+", "usage_id": \d+, "user_name": "Ada Lindqvist \(ada\)", "start_time": "[^"Z]+\+00:00"\}$/,
  ])
  t.strictSame(await arrivals(TASK, seen), [])
  const logged = async () =>
    await sql(`select reason from nemo_mqtt.message_log where tbl = 'NEMO_task' and outcome = 'silent'`)
  await until(async () => (await logged()).length === 1, { what: 'the row of the message log' })
  t.strictSame(await logged(), [{ reason: 'the plugin’s dialect has no word for task_created' }])
  const usageId = JSON.parse(usage[0]?.payload ?? '{}').usage_id as number
  const find = async () => (await runHere(['explain', 'usage', String(usageId)], variables)).stdout
  await until(async () => /delivered .*tool_enabled on nemo\/tools\/1\/enabled/.test(await find()), { what: 'the log' })

  const previewed = await lab.config.with(variables).preview()
  t.match(previewed, { notes: /\d+ messages were sent in the plugin’s dialect/, text: /sent {6}nemo\/tools\/4/ })
  t.match(previewed.text, /left out {2}nemo\/tools\/4\/tasks|\{"event": "tool_updated"/)
  service.freeze()
  await sql(`${DOWN}; ${TASK}`)
  t.match(
    (await runHere(['explain', 'tool', '4', '--limit', '1'], variables)).stdout,
    /will become tool_updated on nemo\/tools\/4\n/,
  )
  t.match(
    (await runHere(['explain', 'task', '2', '--limit', '1'], variables)).stdout,
    /will become no message: the plugin’s dialect has no word for task_created/,
  )
  service.thaw()
  await delivered(lab.laboratory)

  await done(lab.config.set('lab', ['hmac_secret_key=-'], KEY))
  await choose('use_hmac=true')
  const [signed] = await arrivals(DOWN, seen)
  t.ok(isPython([signed?.raw ?? '']), 'the envelope as Python writes it')
  t.match(
    signed?.raw,
    /^\{"payload": "\{\\"event\\": \\"tool_updated\\", .*\\\\u00c4.*", "hmac": "[0-9a-f]{64}", "algo": "sha256"\}$/,
  )
  t.match(openEnvelope(signed?.raw ?? '', KEY), /^\{"event": "tool_updated"/)
  await choose('use_hmac=false', 'user_name_format=initials')
  const visit = (area: number) =>
    `insert into "NEMO_areaaccessrecord" (customer_id, project_id, area_id) values (4, 1, ${area})`
  t.match(told(await arrivals(visit(1), seen)), [/"user_name": "W\. Z\."/])
  await choose('privacy=true')
  t.match(told(await arrivals(visit(2), seen)), [/"user_id": null, "user_name": null, "area_id": 2/])
  await choose('dialect=documented', 'privacy=false')
  t.match(told(await arrivals(DOWN, seen)), [/^nemo\/tools\/4\/(en|dis)abled \{"event":"tool_/], 'and back')
  nothingThrown(t, service)
  await service.kill()
})

/** Three changes in Redis in one dialect, nothing delivered, and the service dead. */
async function killed(t: Test, dialect: string, expected: number): Promise<Subscriber> {
  const { seen } = await lab.fresh(t, `dialect=${dialect}`)
  await lab.set([`broker_port=${await freePort()}`])
  await sql(`update "NEMO_tool" set operational = true, name = 'a' where id = 4; delete from nemo_mqtt.change_log`)
  const service = await lab.start(t)
  await service.says('redis', 'ok')
  await sql(`update "NEMO_tool" set operational = false, name = 'b' where id = 4`)
  await sql(TASK)
  await sql(`update "NEMO_tool" set name = 'c' where id = 4`)
  const queued = async (): Promise<number> => {
    const texts = await withRedis(redis, (client) => client.lrange(KEYS.queue, 0, -1))
    return texts.filter((text) => peekOrigin(text) !== null).length
  }
  await until(async () => (await queued()) === expected, { what: `${expected} entries in Redis` })
  // What has no word is done with at once.
  const logged = async () => Number((await sql('select count(*)::int as n from nemo_mqtt.change_log'))[0]?.n)
  await until(async () => (await logged()) === (dialect === 'plugin' ? 2 : 3), {
    what: 'the silent change to be deleted',
  })
  await service.kill()
  await lab.set([`broker_port=${broker.port}`, `dialect=${dialect === 'plugin' ? 'documented' : 'plugin'}`])
  return seen
}

async function events(t: Test, seen: Subscriber): Promise<string[]> {
  const service = await lab.start(t)
  await delivered(lab.laboratory)
  const messages = await upToNow(seen)
  nothingThrown(t, service)
  await service.kill()
  return messages
    .filter(({ topic }) => /^nemo\/tools/.test(topic))
    .map(({ topic, payload }) => {
      const { event, timestamp, tool_name } = JSON.parse(payload) as Record<string, unknown>
      return `${topic} ${event} ${tool_name} ${timestamp === false ? 'plugin' : 'documented'}`
    })
}

t.test(
  'another dialect after a crash: entries are delivered as they are, what is pushed anew is in the new one',
  async (t) => {
    t.strictSame(await events(t, await killed(t, 'documented', 4)), [
      'nemo/tools/4 tool_updated b documented',
      'nemo/tools/4/disabled tool_disabled b documented',
      'nemo/tools/4/tasks task_created b documented',
      'nemo/tools/4 tool_updated c documented',
    ])
    const seen = await killed(t, 'documented', 4)
    await withRedis(redis, (client) => client.flushdb())
    t.strictSame(await events(t, seen), ['nemo/tools/4 tool_updated b plugin', 'nemo/tools/4 tool_updated c plugin'])
    t.strictSame(await events(t, await killed(t, 'plugin', 2)), [
      'nemo/tools/4 tool_updated b plugin',
      'nemo/tools/4 tool_updated c plugin',
    ])
  },
)

t.test('the keys in Redis are those of the plugin: monitor, status, control', async (t) => {
  const { seen } = await lab.fresh(t, 'dialect=plugin')
  const service = await lab.start(t)
  await service.says('bridge', 'ok')
  await sql(`do $$ begin for n in 1..130 loop update "NEMO_tool" set name = 'é ' || n where id = 4; end loop; end $$`)
  await delivered(lab.laboratory)
  const entries = await withRedis(redis, (client) => client.lrange(KEYS.monitor, 0, -1))
  t.equal(entries.length, 100)
  t.match(
    entries[0],
    /^\{"topic": "nemo\/tools\/4", "payload": "\{\\"event\\": \\"tool_updated\\", .*\\\\u00e9 130.*\}", "qos": 1, "retain": false, "timestamp": \d+(\.\d+)?, "entity"/,
  )
  t.match(entries.at(-1), /\\\\u00e9 31\\"/, 'newest first')
  t.ok(isPython(entries))
  const [status, expiry] = await withRedis(redis, async (client) => [
    await client.get(KEYS.status),
    await client.ttl(KEYS.status),
  ])
  t.equal(status, 'connected')
  t.ok(Number(expiry) > 30 && Number(expiry) <= 90, `expires in ${expiry} s`)
  const births = () =>
    seen.messages.filter(({ topic, payload }) => topic === 'nemo/bridge/state' && payload === 'online').length
  const before = births()
  await withRedis(redis, (client) => client.lpush('nemo_mqtt_bridge_control', 'reload_config'))
  await until(() => births() > before, { what: 'a new connection' })
  t.equal(await withRedis(redis, (client) => client.llen('nemo_mqtt_bridge_control')), 0)
  await service.stop()
  t.equal(await withRedis(redis, (client) => client.get('nemo_mqtt_bridge_status')), 'disconnected')
})
