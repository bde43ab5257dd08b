import t from 'tap'
import { PendingChanges } from '../../src/capture/pending.ts'

t.test('a change is settled when all its messages are', async (t) => {
  const pending = new PendingChanges()
  pending.add('1', 2)
  pending.add('2', 1)
  pending.settle('1')
  t.strictSame(pending.takeSettled(10), [])
  pending.settle('2')
  pending.settle('1')
  t.strictSame(pending.takeSettled(10), ['2', '1'])
  t.equal(pending.size, 2, 'until they are deleted')
  t.strictSame(pending.takeSettled(10), [], 'given once')
})

t.test('a change without messages is settled at once', async (t) => {
  const pending = new PendingChanges()
  pending.add('1', 0)
  await pending.settled.wait(1, AbortSignal.timeout(5_000))
  t.strictSame(pending.takeSettled(10), ['1'])
})

t.test('settling more often than there are messages, or something unknown, does nothing', async (t) => {
  const pending = new PendingChanges()
  pending.add('1', 1)
  for (let n = 0; n < 3; n += 1) pending.settle('1')
  pending.settle('99')
  t.strictSame(pending.takeSettled(10), ['1'])
  t.strictSame(pending.takeSettled(10), [])
})

t.test('what could not be deleted is tried again, first', async (t) => {
  const pending = new PendingChanges()
  for (const id of ['1', '2', '3']) pending.add(id, 0)
  const ids = pending.takeSettled(2)
  t.strictSame(ids, ['1', '2'])
  pending.retry(ids)
  t.strictSame(pending.takeSettled(2), ['1', '2'])
  t.strictSame(pending.takeSettled(2), ['3'])
})

t.test('what is deleted stays known to the read that was under way', async (t) => {
  const pending = new PendingChanges()
  pending.add('1', 0)
  pending.readBegins()
  pending.forget(pending.takeSettled(1))
  t.equal(pending.size, 0)
  t.ok(pending.has('1'), 'that read may have seen it before it was deleted')
  pending.readBegins()
  t.notOk(pending.has('1'))
  t.strictSame(pending.ids(), [])
})
