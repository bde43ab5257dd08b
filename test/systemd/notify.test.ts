import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { until } from '../../lab/wait.ts'
import type { Readiness } from '../../src/http/observed.ts'
import { tellSystemd } from '../../src/systemd.ts'
import { openLaboratory } from '../service/laboratory.ts'

/** A `systemd-notify` that writes down what it was told, a line a call. */
function open() {
  const folder = temporaryFolder('notify')
  const told = join(folder, 'told')
  writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\nprintf '%s|' "$@" >>'${told}'; echo >>'${told}'\n`)
  chmodSync(join(folder, 'systemd-notify'), 0o755)
  const environment = { PATH: `${folder}:${process.env.PATH}`, NOTIFY_SOCKET: '/run/nothing', WATCHDOG_USEC: '600000' }
  const calls = (): string[] => (existsSync(told) ? readFileSync(told, 'utf8').trim().split('\n') : [])
  return { environment, calls, log: pino({ level: 'silent' }) }
}

const waiting: Readiness = { isReady: false, role: 'starting', why: 'broker: no connection' }

t.test(
  'ready is said once, when messages flow and not before; then the watchdog is fed while loops turn',
  async (t) => {
    const { environment, calls, log } = open()
    const end = new AbortController()
    let now = waiting
    let stuck: string[] = []
    const told = tellSystemd({ readiness: () => now, stuck: () => stuck, log }, environment, end.signal)
    await until(() => calls().some((call) => call.includes('--status=broker: no connection')), { what: 'the status' })
    await until(() => calls().filter((call) => call.includes('WATCHDOG=1')).length >= 2, { what: 'a fed watchdog' })
    t.notOk(
      calls().some((call) => call.includes('--ready')),
      'not ready yet, and alive all the same',
    )
    now = { isReady: true, role: 'active', why: '' }
    await until(() => calls().some((call) => call.startsWith('--ready|--status=messages flow|')), { what: 'ready' })
    stuck = ['listener']
    const fed = (): number => calls().filter((call) => call.includes('WATCHDOG=1')).length
    const before = fed()
    await new Promise((resolve) => setTimeout(resolve, 1_500)) // nothing may come: there is no condition to await
    t.ok(fed() - before <= 1, 'a stuck loop is not covered up')
    end.abort()
    await told
    t.equal(calls().filter((call) => call.includes('--ready')).length, 1)
    t.equal(calls().at(-1), 'STOPPING=1|')
  },
)

t.test('a standby is ready too: it does what it is there for', async (t) => {
  const { environment, calls, log } = open()
  const end = new AbortController()
  const standby: Readiness = { isReady: false, role: 'standby', why: 'another instance is active' }
  const told = tellSystemd({ readiness: () => standby, stuck: () => [], log }, environment, end.signal)
  await until(() => calls().some((call) => call.startsWith('--ready|--status=another instance')), { what: 'ready' })
  t.notOk(
    calls().some((call) => call.includes('messages flow')),
    'and does not claim that they do',
  )
  end.abort()
  await told
})

t.test('the service itself tells systemd: ready when a message has come through, and the end', async (t) => {
  const laboratory = await openLaboratory(t)
  const { environment, calls } = open()
  const service = await laboratory.start({ environment })
  await until(() => calls().some((call) => call.includes('--ready')), { deadlineMs: 30_000, what: 'ready' })
  t.ok(laboratory.subscriber.aside.length > 0, 'not before our own message has arrived')
  await until(() => calls().some((call) => call.includes('WATCHDOG=1')), { what: 'a fed watchdog' })
  await service.stop()
  t.equal(calls().at(-1), 'STOPPING=1|')
})

t.test('without systemd nothing is called', async (t) => {
  const { environment, calls, log } = open()
  await tellSystemd({ readiness: () => waiting, stuck: () => [], log }, { PATH: environment.PATH }, AbortSignal.abort())
  t.strictSame(calls(), [])
})
