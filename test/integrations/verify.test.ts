import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { openEnvelope } from '../../src/sign/verify.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { program } from '../fixtures/service.ts'
import { makeVectors, shippedVectors } from './vectors.ts'

const FOLDER = join(PACKAGE_ROOT, 'integrations', 'verify')
const vectors = shippedVectors()
const expected = vectors.messages.map(({ payload }) => payload)
const input = JSON.stringify(vectors)

t.test('the shipped vectors are those of this program, and its own verifier agrees', async (t) => {
  t.strictSame(vectors, makeVectors())
  t.strictSame(
    vectors.messages.map(({ message }) => openEnvelope(message.trim(), vectors.secret) ?? null),
    expected,
  )
})

t.test('C84 C88 C92 the verifier in JavaScript', async (t) => {
  const { openEnvelope } = (await import(pathToFileURL(join(FOLDER, 'nemo-mqtt-verify.mjs')).href)) as {
    openEnvelope: (message: string | Uint8Array, secret: string) => string
  }
  for (const { name, message, payload } of vectors.messages) {
    const open = (): string => openEnvelope(message, vectors.secret)
    if (payload === null) t.throws(open, name)
    else t.equal(open(), payload, name)
    if (payload !== null) t.equal(openEnvelope(Buffer.from(message), vectors.secret), payload, `${name}, as bytes`)
  }
})

t.test('C84 C88 C92 the verifier in Python', async (t) => {
  const script = `
import json, sys
from nemo_mqtt_verify import open_envelope, Refused
given = json.load(sys.stdin)
def opened(message):
    try: return open_envelope(message.encode(), given["secret"])
    except Refused: return None
print(json.dumps([opened(one["message"]) for one in given["messages"]]))`
  const options = { input, encoding: 'utf8', env: { PYTHONPATH: FOLDER, PYTHONDONTWRITEBYTECODE: '1' } } as const
  t.strictSame(JSON.parse(execFileSync(program('python3'), ['-c', script], options)), expected)
})

t.test('C84 C88 C92 the verifier in C, without a warning and without a fault of memory', async (t) => {
  const binary = join(temporaryFolder('verify'), 'verify')
  const sources = [join(PACKAGE_ROOT, 'test/integrations/open-vectors.c'), join(FOLDER, 'nemo_mqtt_verify.c')]
  const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-g', '-fsanitize=address,undefined', `-I${FOLDER}`]
  execFileSync(program('gcc'), [...flags, '-o', binary, ...sources, '-lcjson', '-lmbedcrypto'], { stdio: 'inherit' })
  t.strictSame(JSON.parse(execFileSync(binary, { input, encoding: 'utf8' })), expected)
})
