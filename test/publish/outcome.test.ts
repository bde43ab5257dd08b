import t from 'tap'
import { reasonName, retryDelayMs, TRIES, triesFor } from '../../src/publish/outcome.ts'

t.test('what no repetition can change is tried a few times, all else for long', async (t) => {
  for (const code of [0x87, 0x90, 0x95, 0x99, 0x9a]) t.equal(triesFor(code), TRIES.permanent, reasonName(code))
  for (const code of [0x80, 0x83, 0x91, 0x96, 0x97, 0xff]) t.equal(triesFor(code), TRIES.transient, reasonName(code))
})

t.test('the pause doubles up to half a minute', async (t) => {
  t.strictSame([1, 2, 3].map(retryDelayMs), [250, 500, 1_000])
  t.equal(retryDelayMs(TRIES.transient), 30_000)
})

t.test('reasons have a name and a number, unknown ones a number', async (t) => {
  t.equal(reasonName(0x87), 'not authorized (0x87)')
  t.equal(reasonName(0x8e), 'session taken over (0x8e)')
  t.equal(reasonName(0xfe), 'refused (0xfe)')
  t.equal(reasonName(4), 'refused (0x04)')
})
