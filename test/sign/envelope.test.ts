import { execFileSync } from 'node:child_process'
import t from 'tap'
import { findProgram } from '../../lab/programs.ts'
import { signEnvelope } from '../../src/sign/envelope.ts'
import { openEnvelope } from '../../src/sign/verify.ts'

const SECRET = 'Geheimnis-😀'

/** What languages write differently when they serialise anew. */
const PAYLOADS = [
  '{"z":1,"a":2}',
  '{ "n": 1.0, "big": 1e21, "minus": -0 }',
  '{"text":"é 😀 \u2028 \\u00e9 </script> \\/"}',
  '',
  ' ',
  'no JSON at all',
  '{"control":"\\u0000\u007f"}',
  'x'.repeat(1_000_000),
]

t.test('a known signature', async (t) => {
  t.equal(
    signEnvelope('what do ya want for nothing?', 'Jefe'), // RFC 4231, test case 2
    '{"payload":"what do ya want for nothing?",' +
      '"hmac":"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843","algo":"sha256"}',
  )
})

t.test('C84 every verifier signs exactly the string it finds: this one and Python’s hmac', async (t) => {
  const envelopes = PAYLOADS.map((payload) => signEnvelope(payload, SECRET))
  t.strictSame(
    envelopes.map((envelope) => openEnvelope(envelope, SECRET)),
    PAYLOADS,
  )
  const python = findProgram('python3')
  if (python === undefined) return t.comment('python3 is missing, so it is not asked')
  const script = `
import hmac, hashlib, json, sys
given = json.load(sys.stdin)
def right(text):
    e = json.loads(text)
    assert isinstance(e["payload"], str) and e["algo"] == "sha256"
    return hmac.compare_digest(hmac.new(given["secret"].encode(), e["payload"].encode(), hashlib.sha256).hexdigest(), e["hmac"])
print(json.dumps([[right(text), json.loads(text)["payload"]] for text in given["envelopes"]]))
`
  const input = JSON.stringify({ secret: SECRET, envelopes })
  const said = JSON.parse(execFileSync(python, ['-c', script], { input, maxBuffer: 50_000_000, encoding: 'utf8' }))
  t.strictSame(
    said,
    PAYLOADS.map((payload) => [true, payload]),
  )
})

t.test('C84 one changed space is noticed', async (t) => {
  const envelope = signEnvelope('{"a": 1}', SECRET)
  t.equal(openEnvelope(envelope.replace('{\\"a\\": 1}', '{\\"a\\":1}'), SECRET), undefined)
  t.equal(openEnvelope(envelope, `${SECRET} `), undefined)
})

t.test('half a surrogate pair is replaced before it is signed, so that all see the same text', async (t) => {
  t.equal(openEnvelope(signEnvelope('a\ud83d', SECRET), SECRET), 'a\ufffd')
})

t.test('an empty secret signs nothing', async (t) => {
  t.throws(() => signEnvelope('x', ''), RangeError)
  t.equal(openEnvelope(signEnvelope('x', SECRET), ''), undefined)
})

t.test('C88 a malformed signature is invalid, never an error', async (t) => {
  const { hmac } = JSON.parse(signEnvelope('x', SECRET)) as { hmac: string }
  const bad = ['', hmac.slice(1), `zz${hmac.slice(2)}`, hmac.toUpperCase(), `${hmac}0`, 5, null, [hmac], { hmac }, true]
  for (const one of bad) {
    t.equal(openEnvelope(JSON.stringify({ payload: 'x', hmac: one, algo: 'sha256' }), SECRET), undefined)
  }
  const texts = ['', 'null', '[]', '5', '"x"', '{}', '{"payload":"x","algo":"sha256"}', '{'.repeat(100_000)]
  for (const text of texts) t.equal(openEnvelope(text, SECRET), undefined)
  for (const payload of [5, null, {}, ['x']]) {
    t.equal(openEnvelope(JSON.stringify({ payload, hmac, algo: 'sha256' }), SECRET), undefined)
  }
  const long = JSON.stringify({ payload: 'y'.repeat(10_000_000), hmac, algo: 'sha256' })
  t.equal(openEnvelope(long, SECRET), undefined)
  const short = JSON.stringify({ payload: 'x', hmac: hmac.slice(1), algo: 'sha256' })
  for (let n = 0; n < 100_000; n += 1) openEnvelope(short, SECRET)
})

t.test('C92 a message does not choose the algorithm', async (t) => {
  const envelope = JSON.parse(signEnvelope('x', SECRET)) as Record<string, string>
  t.equal(envelope.algo, 'sha256')
  t.match(envelope.hmac, /^[0-9a-f]{64}$/)
  for (const algo of ['md5', 'none', 'SHA256', 'sha256 ', '__proto__', '', null, 0, ['sha256']]) {
    t.equal(openEnvelope(JSON.stringify({ ...envelope, algo }), SECRET), undefined, String(algo))
  }
  const { algo, ...without } = envelope
  t.equal(openEnvelope(JSON.stringify(without), SECRET), undefined, 'missing')
  t.equal(openEnvelope(JSON.stringify({ ...envelope, more: 1 }), SECRET), undefined, 'one field more')
  t.equal(openEnvelope(JSON.stringify(envelope), SECRET), 'x', `and ${algo} passes`)
})
