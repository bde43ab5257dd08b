import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { asyncApi } from '../../src/contract/asyncapi.ts'
import { SCHEMA_NAMES, schemaOf } from '../../src/contract/schemas.ts'
import { TOPICS } from '../../src/contract/topics.ts'
import type { EventName } from '../../src/event.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { runCli } from '../fixtures/service.ts'
import { openDoor } from '../http/browser-like.ts'
import { goldenTables, readGolden } from '../map/golden.ts'
import { brokenPromises, presentContract, promisedContract } from './snapshot.ts'

const HOW = 'raise CONTRACT_VERSION in src/contract/version.ts, build, then node dist/test/contract/snapshot.js'

t.test('the contract is what its version promised', async (t) => {
  const [promised, present] = [promisedContract(), presentContract()]
  if (promised.version === present.version) {
    t.strictSame(JSON.parse(JSON.stringify(present)), promised, `a changed contract needs another version: ${HOW}`)
    return
  }
  const isMajor = present.version.split('.')[0] !== promised.version.split('.')[0]
  if (!isMajor) t.strictSame(brokenPromises(promised, present), [], 'what breaks subscribers needs a major version')
  t.fail(`the promise of ${present.version} is not written down: ${HOW}`)
})

t.test('what breaks a subscriber is told from what does not', async (t) => {
  const promised = presentContract()
  const changed = (change: (schema: { required: string[]; properties: Record<string, object> }) => void) => {
    const copy = structuredClone(JSON.parse(JSON.stringify(promised))) as typeof promised
    change(copy.schemas.tool_created as never)
    return brokenPromises(promised, copy)
  }
  t.strictSame(
    changed(() => undefined),
    [],
  )
  const added = changed((schema) => {
    schema.properties.colour = { type: 'string' }
    schema.required.push('colour')
  })
  t.strictSame(added, [], 'a key that is added')
  const words = changed((schema) => Object.assign(schema, { description: 'better words' }))
  t.strictSame(words, [])
  t.match(
    changed(({ properties }) => delete properties.tool_name),
    [/tool_name is gone/],
  )
  t.match(
    changed(({ properties }) => Object.assign(properties, { tool_id: { type: 'string' } })),
    [/tool_id\/type/],
  )
  t.match(
    changed(({ required }) => required.splice(0, 1)),
    [/required/],
  )
  t.match(brokenPromises(promised, { ...promised, topics: { ...promised.topics, tool_created: 'x' } }), [
    /topic of tool_created/,
  ])
})

t.test('every schema is JSON Schema 2020-12, and the whole is AsyncAPI 3.0', async (t) => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true })
  for (const name of SCHEMA_NAMES) t.doesNotThrow(() => ajv.compile(schemaOf(name)), name)
  const file = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json')
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(
    JSON.parse(readFileSync(file, 'utf8')) as object,
  )
  t.ok(validate(JSON.parse(JSON.stringify(asyncApi()))), JSON.stringify(validate.errors?.slice(0, 5)))
  t.notOk(validate({ ...asyncApi(), channels: { x: { address: 5 } } }), 'the specification finds faults')
})

t.test('every event goes to the topic that the contract names', async (t) => {
  const seen = new Set<string>(['table_truncated'])
  for (const { file, expected } of goldenTables().flatMap(readGolden)) {
    for (const { topic, body } of expected) {
      const promised = TOPICS[body.event as EventName]
      t.match(topic, new RegExp(`^${promised.replace('{id}', '-?\\d+')}$`), `${body.event} in ${file}`)
      seen.add(String(body.event))
    }
  }
  t.strictSame(
    Object.keys(TOPICS).filter((name) => !seen.has(name)),
    [],
    'every event was looked at',
  )
})

t.test('the contract is printed, shipped and served', async (t) => {
  const one = await runCli(['schema', 'tool_usage_start'], {})
  t.strictSame(JSON.parse(one.stdout), JSON.parse(JSON.stringify(schemaOf('tool_usage_start'))))
  t.match((await runCli(['schema'], {})).stdout, /^tool_created\n(.*\n)*bridge_health\n$/)
  t.match(JSON.parse((await runCli(['schema', '--asyncapi'], {})).stdout), { asyncapi: '3.0.0' })
  t.match(await runCli(['schema', 'tool_create'], {}), { code: 2, output: /Try: nemo-mqtt schema tool_created/ })
  const shipped = JSON.parse(readFileSync(`${PACKAGE_ROOT}/dist/schemas/tool_usage_start.json`, 'utf8')) as object
  t.strictSame(shipped, JSON.parse(one.stdout))
  const { ask, host } = await openDoor(t)
  const list = JSON.parse((await ask('/schemas/', { headers: { host } })).body) as { schemas: string[] }
  for (const name of [...list.schemas, 'asyncapi.json']) {
    const answer = await ask(`/schemas/${name}`, { headers: { host } })
    t.equal(answer.status, 200, name)
    t.equal(typeof JSON.parse(answer.body), 'object', name)
  }
  t.equal((await ask('/schemas/nothing.json', { headers: { host } })).status, 404)
})
