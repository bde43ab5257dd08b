import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { readLine } from '../../src/commands/verify.ts'
import { signEnvelope } from '../../src/sign/envelope.ts'
import { verifyEnvelope } from '../../src/sign/verify.ts'
import { program } from '../fixtures/service.ts'
import { startCommand } from './command.ts'

t.setTimeout(60_000)
const KEY = 'a key for verifying'
const PAYLOAD = '{"event":"tool_enabled","tool_id":7}'
const GOOD = signEnvelope(PAYLOAD, KEY)
const { hmac } = JSON.parse(GOOD) as { hmac: string }
const envelope = (changed: object): string => JSON.stringify({ payload: PAYLOAD, hmac, algo: 'sha256', ...changed })

t.test('C88 C89 whatever stands in hmac, the verdict is bad and says why; 100,000 rounds stay up', async (t) => {
  const cases: ReadonlyArray<readonly [unknown, RegExp]> = [
    ['', /has 0 characters, not 64/],
    [hmac.slice(1), /has 63 characters/],
    [`${hmac}0`, /has 65 characters/],
    [`zz${hmac.slice(2)}`, /not hexadecimal/],
    [hmac.toUpperCase(), /upper-case/],
    [`${hmac.slice(0, 63)}\u{1d7d8}`, /has 65 characters/],
    ['f'.repeat(10_000_000), /has 10000000 characters/],
    [5, /not a string/],
    [null, /not a string/],
    [[hmac], /not a string/],
    [{ toString: hmac }, /not a string/],
    [`${hmac.slice(0, 63)}${hmac.endsWith('0') ? '1' : '0'}`, /does not fit/],
  ]
  for (const [one, why] of cases) t.match(verifyEnvelope(envelope({ hmac: one }), KEY), { state: 'bad', why })
  t.match(verifyEnvelope(`{"hmac":"${hmac}","algo":"sha256"}`, KEY), { state: 'bad', why: /no payload/ })
  t.match(verifyEnvelope(envelope({ more: 1 }), KEY), { state: 'bad', why: /further fields/ })
  t.match(verifyEnvelope(GOOD, `${KEY} `), { state: 'bad', payload: PAYLOAD })
  t.match(verifyEnvelope(GOOD, ''), { state: 'bad', why: /no key/ })
  t.strictSame(verifyEnvelope(GOOD, KEY), { state: 'good', payload: PAYLOAD })
  for (const text of ['', 'online', '[]', 'null', '5', PAYLOAD, '{'.repeat(100_000), '{"payload":"x"}']) {
    t.strictSame(verifyEnvelope(text, KEY), { state: 'none' }, text.slice(0, 20))
  }
  const garbage = cases.filter(([one]) => JSON.stringify(one).length < 100).map(([one]) => envelope({ hmac: one }))
  for (let n = 0; n < 100_000; n += 1) verifyEnvelope(garbage[n % garbage.length] ?? '', KEY)
})

t.test('C92 nothing but exactly sha256 counts as the algorithm', async (t) => {
  for (const algo of ['md5', 'none', 'SHA256', 'sha256 ', '__proto__', '', null, 0, ['sha256'], undefined]) {
    t.match(verifyEnvelope(envelope({ algo }), KEY), { state: 'bad', why: /algo/ }, String(algo))
  }
})

t.test('lines as mosquitto_sub prints them', async (t) => {
  t.strictSame(readLine(GOOD), { topic: undefined, text: GOOD })
  t.strictSame(readLine(`nemo/tools/7 ${GOOD}`), { topic: 'nemo/tools/7', text: GOOD })
  t.strictSame(readLine(`a topic with spaces ${GOOD}\r`), { topic: 'a topic with spaces', text: GOOD })
  t.strictSame(readLine(JSON.stringify({ tst: 'x', topic: 'a', payload: GOOD })), { topic: 'a', text: GOOD })
  const parsed = readLine(JSON.stringify({ topic: 'a', payload: JSON.parse(GOOD) as object }))
  t.equal(verifyEnvelope(parsed.text, KEY).state, 'good')
  t.strictSame(readLine('nemo/bridge/state online'), { topic: undefined, text: 'nemo/bridge/state online' })
})

t.test('the command: key from a file, each line its verdict, a total, and 1 when one is bad', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'nemo-mqtt-key-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'key')
  writeFileSync(file, `${KEY}\r\n`)
  const verify = (input: string, environment: NodeJS.ProcessEnv = {}, words = ['--key-file', file]) =>
    startCommand(t, ['verify', ...words], environment, input)
  const bad = verify(`nemo/a ${GOOD}\n\n${envelope({ algo: 'none' })}\nnemo/bridge/state online\n`)
  const good = verify(`${GOOD}\n${GOOD}`, { NEMO_MQTT_HMAC_SECRET_KEY: KEY }, [])
  const keyless = verify('', {}, ['--key-file', join(folder, 'none')])
  t.equal(await bad.ended, 1)
  t.strictSame(bad.lines, [
    'good  nemo/a  tool_enabled',
    'bad   -  algo is not exactly "sha256"',
    'bad   -  no envelope: not signed',
    '1 good, 2 bad',
  ])
  t.equal(await good.ended, 0)
  t.equal(good.lines.at(-1), '2 good, 0 bad')
  t.equal(await keyless.ended, 2)
})

t.test('what the real mosquitto_sub prints', async (t) => {
  const broker = await startBroker()
  t.teardown(() => broker.kill())
  const run = promisify(execFile)
  const at = ['-p', String(broker.port), '-q', '1']
  await run(program('mosquitto_pub'), [...at, '-t', 'nemo/tools/7', '-r', '-m', GOOD])
  for (const format of [['-v'], ['-F', '%j'], ['-F', '%J'], []]) {
    const { stdout } = await run(program('mosquitto_sub'), [...at, '-t', 'nemo/#', '-C', '1', ...format])
    t.equal(verifyEnvelope(readLine(stdout).text, KEY).state, 'good', format.join(' '))
  }
})
