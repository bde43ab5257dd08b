import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { signEnvelope } from '../../src/sign/envelope.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'

const FILE = join(PACKAGE_ROOT, 'integrations', 'verify', 'vectors.json')
const SECRET = 'Geheimnis 😀'

/** Messages and what is inside; null where a verifier must refuse. */
export interface Vectors {
  readonly secret: string
  readonly messages: ReadonlyArray<{ readonly name: string; readonly message: string; readonly payload: string | null }>
}

/** The vectors as they are shipped. */
export function shippedVectors(): Vectors {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Vectors
}

/** The vectors as this program makes them. */
export function makeVectors(): Vectors {
  const event = '{"event":"tool_enabled","tool_id":7,"tool_name":"Ångström E-beam #2.1 / \\"old\\"","n":1.0}'
  const good = (name: string, payload: string) => ({ name, message: signEnvelope(payload, SECRET), payload })
  const bad = (name: string, message: string) => ({ name, message, payload: null })
  const { hmac } = JSON.parse(signEnvelope(event, SECRET)) as { hmac: string }
  const envelope = (changed: object): string => JSON.stringify({ payload: event, hmac, algo: 'sha256', ...changed })
  return {
    secret: SECRET,
    messages: [
      good('an event', event),
      good(
        'what languages write differently',
        '{ "z":1, "a":1e21, "minus":-0, "text":"é 😀 \u2028 \\u00e9 </script> \\/" }',
      ),
      good('no JSON inside', 'online'),
      good('an empty payload', ''),
      good('other separators', '{"event": "tool_enabled", "tool_id": 7}'),
      {
        name: 'another order of fields',
        message: JSON.stringify({ algo: 'sha256', hmac, payload: event }),
        payload: event,
      },
      { name: 'space around it', message: ` ${envelope({})}\n`, payload: event },
      {
        name: 'escapes in the envelope',
        message: envelope({}).replace('Ångström', '\\u00c5ngstr\\u00f6m'),
        payload: event,
      },
      bad('one space more in the payload', envelope({ payload: event.replace(':7', ': 7') })),
      bad('another secret', signEnvelope(event, `${SECRET} `)),
      bad('a digit of the signature', envelope({ hmac: hmac.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) })),
      bad('upper-case digits', envelope({ hmac: hmac.toUpperCase() })),
      bad('a short signature', envelope({ hmac: hmac.slice(1) })),
      bad('no signature', envelope({ hmac: '' })),
      bad('a signature that is a number', envelope({ hmac: 5 })),
      bad('a payload that is an object', envelope({ payload: JSON.parse(event) as object })),
      bad('md5', envelope({ algo: 'md5' })),
      bad('SHA256', envelope({ algo: 'SHA256' })),
      bad('sha256 with a space', envelope({ algo: 'sha256 ' })),
      bad('no algorithm', JSON.stringify({ payload: event, hmac })),
      bad('a fourth field', envelope({ more: 1 })),
      bad('a list', `[${envelope({})}]`),
      bad('an unsigned event', event),
      bad('a word', 'online'),
      bad('nothing', ''),
      bad('half a message', envelope({}).slice(0, -5)),
    ],
  }
}

/** Writes the file: run `node dist/test/integrations/vectors.js` when a vector was added. */
if (process.argv[1] === import.meta.filename) writeFileSync(FILE, `${JSON.stringify(makeVectors(), null, 2)}\n`)
