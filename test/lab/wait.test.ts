import t from 'tap'
import { until } from '../../lab/wait.ts'

t.test('a condition that comes true gives its value', async (t) => {
  let looks = 0
  const value = await until(() => ++looks === 3 && 'here', { what: 'the third look', everyMs: 1 })
  t.equal(value, 'here')
  t.equal(looks, 3)
})

t.test('a deadline says what was awaited and what was seen last', async (t) => {
  const never = until(() => ({ length: 0 }).length, { what: 'a longer list', deadlineMs: 30 })
  await t.rejects(never, { message: 'waited 30 ms for a longer list; last seen: 0' })
})

t.test('throwing means not yet, and the last reason is told', async (t) => {
  const refused = until(
    () => {
      throw new Error('connection refused')
    },
    { what: 'a server', deadlineMs: 30 },
  )
  await t.rejects(refused, { message: /a server; last seen: connection refused/, cause: Error })
})

t.test('a condition that never returns does not hang the wait', async (t) => {
  const hung = until(() => new Promise<boolean>(() => undefined), { what: 'an answer', deadlineMs: 30 })
  await t.rejects(hung, /did not return/)
})
