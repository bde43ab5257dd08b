import t from 'tap'
import { Vanished } from '../../src/publish/vanished.ts'

t.test('a change that is undelivered at every look for more than ten seconds is gone', async (t) => {
  let clock = 0
  const vanished = new Vanished(() => clock)
  t.equal(vanished.look(['1', '2', '3']), 0)
  clock += 5_000
  t.equal(vanished.look(['2', '3', '4']), 0)
  clock += 5_001
  t.equal(vanished.look(['3', '4', '5']), 1, 'only the 3 was there all the time')
})

t.test('changes that come and go are on their way', async (t) => {
  let clock = 0
  const vanished = new Vanished(() => clock)
  for (let n = 0; n < 100; n += 1) {
    t.equal(vanished.look([String(n), String(n + 1)]), 0)
    clock += 4_000
    t.equal(vanished.look(n % 3 === 0 ? [] : [String(n + 1)]), 0)
    clock += 4_000
  }
})
