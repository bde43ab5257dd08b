import t from 'tap'
import { AppError } from '../src/errors.ts'
import { createLog, redact } from '../src/log.ts'

const SECRETS = ['hunter2', 'hunter2-and-more', 'quote"back\\slash', 'p@ss/wörd', 'multi\nline']

/** What a logger writes when it is used like this. */
function written(use: (log: ReturnType<typeof createLog>) => void, level: 'DEBUG' | 'ERROR' = 'DEBUG'): string {
  let text = ''
  const write = (line: string): void => {
    text += line
  }
  use(createLog({ level, secrets: () => SECRETS, destination: { write } }))
  return text
}

t.test('one JSON line an event, with level, time and message', async (t) => {
  const line = JSON.parse(written((log) => log.warn({ stage: 'redis' }, 'gone')))
  t.match(line, { level: 'warning', time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/, stage: 'redis', msg: 'gone' })
  t.equal(
    written((log) => log.warn('quiet'), 'ERROR'),
    '',
  )
})

t.test('a secret appears in no field, plain, escaped or encoded', async (t) => {
  for (const secret of SECRETS) {
    const text = written((log) => {
      log.info({ field: secret, deep: { list: [secret] }, [secret]: 1 }, `said ${secret}`)
      log.error({ err: new Error(`failed with ${secret}`, { cause: new Error(secret) }) }, 'no')
      log.debug(`url ${encodeURIComponent(secret)}`)
    })
    for (const line of text.trim().split('\n')) t.ok(JSON.parse(line), 'still JSON')
    for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) {
      t.notOk(text.includes(form), JSON.stringify(form))
    }
  }
})

t.test('a secret that begins another one leaves nothing of the longer', async (t) => {
  t.equal(redact('hunter2-and-more', SECRETS), '***')
})

t.test('user and password of any URL are hidden, the host stays', async (t) => {
  t.equal(
    redact('redis://:pw@h:6379/1 and postgres://u:p@ss@db/nemo'),
    'redis://***@h:6379/1 and postgres://***@db/nemo',
  )
  t.equal(redact('see https://example.org/a@b'), 'see https://example.org/a@b')
  t.equal(redact('"mqtt://u:p@h","x@y"'), '"mqtt://***@h","x@y"')
})

t.test('what libraries hang on their errors is not logged', async (t) => {
  const ioredis = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
    command: { name: 'auth', args: ['someone', 'not-in-the-list'] },
  })
  const pg = Object.assign(new Error('password authentication failed'), {
    code: '28P01',
    client: { connectionParameters: { password: 'not-in-the-list' } },
  })
  const text = written((log) => {
    log.error({ err: ioredis }, 'redis')
    log.error({ err: pg }, 'pg')
    log.error({ err: new AppError('NEMO_MQTT_ERR_REDIS', 'Redis: no', { cause: ioredis, hint: 'set it' }) }, 'ours')
    log.error({ err: 'thrown text' }, 'odd')
  })
  t.notMatch(text, 'not-in-the-list')
  t.match(text, 'WRONGPASS')
  t.match(text, '28P01')
  t.match(text, '"hint":"set it"')
})
