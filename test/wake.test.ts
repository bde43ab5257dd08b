import { getEventListeners } from 'node:events'
import t from 'tap'
import { Wake } from '../src/wake.ts'

const LONG_MS = 60_000 // longer than any test may take

t.test('a notification ends the wait of everybody, and is kept for the next when nobody waits', async (t) => {
  const wake = new Wake()
  const { signal } = new AbortController()
  const both = Promise.all([wake.wait(LONG_MS, signal), wake.wait(LONG_MS, signal)])
  wake.notify()
  await both
  wake.notify()
  wake.notify()
  await wake.wait(LONG_MS, signal)
  const since = performance.now()
  await wake.wait(20, signal)
  t.ok(performance.now() - since > 15, 'two that nobody waited for are one')
  t.strictSame(getEventListeners(signal, 'abort'), [], 'nothing is left at a signal that lives on')
})

t.test('a signal ends a wait, and one that has aborted lets nobody wait', async (t) => {
  const wake = new Wake()
  const abort = new AbortController()
  const waiting = wake.wait(LONG_MS, abort.signal)
  abort.abort()
  await waiting
  await wake.wait(LONG_MS, abort.signal)
  t.pass('both have ended')
})
