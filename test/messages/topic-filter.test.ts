import t from 'tap'
import { newIn } from '../../src/commands/monitor.ts'
import { timeOf } from '../../src/commands/time.ts'
import { AppError } from '../../src/errors.ts'
import { filterPattern } from '../../src/receive/topic-filter.ts'

t.test('topic filters mean what they mean to a broker (MQTT 5, section 4.7)', async (t) => {
  const cases: ReadonlyArray<readonly [string, readonly string[], readonly string[]]> = [
    ['nemo/tools/+/start', ['nemo/tools/7/start', 'nemo/tools//start'], ['nemo/tools/7/8/start', 'nemo/tools/start']],
    ['nemo/#', ['nemo', 'nemo/', 'nemo/a/b'], ['nemos', 'a/nemo']],
    ['#', ['a', 'a/b', ''], ['$SYS/broker']],
    ['+/b', ['a/b', '/b'], ['$SYS/b', 'a/c']],
    ['a.b/(c)', ['a.b/(c)'], ['axb/(c)', 'a.b/c']],
    ['+', ['a'], ['a/b', '/a']],
    ['$SYS/#', ['$SYS/broker'], ['a']],
  ]
  for (const [filter, matching, others] of cases) {
    const pattern = new RegExp(filterPattern(filter))
    for (const topic of matching) t.ok(pattern.test(topic), `${filter} has ${topic}`)
    for (const topic of others) t.notOk(pattern.test(topic), `${filter} has no ${topic}`)
  }
  for (const filter of ['', 'a/#/b', 'a#', 'a+/b', '##']) t.throws(() => filterPattern(filter), AppError, filter)
})

t.test('what came to a list since it was seen', async (t) => {
  t.strictSame(newIn(['b', 'a'], []), { fresh: ['a', 'b'], isCut: false })
  t.strictSame(newIn(['c', 'b', 'a'], ['b', 'a']), { fresh: ['c'], isCut: false })
  t.strictSame(newIn(['d', 'c', 'b'], ['b', 'a', 'z']), { fresh: ['c', 'd'], isCut: false }, 'the oldest were cut off')
  t.strictSame(newIn(['a', 'a'], ['a']), { fresh: ['a'], isCut: false }, 'the same text twice')
  t.strictSame(newIn(['b', 'a'], ['b', 'a']), { fresh: [], isCut: false })
  t.strictSame(newIn(['z', 'y'], ['b', 'a']), { fresh: ['y', 'z'], isCut: true })
  t.strictSame(newIn([], ['b', 'a']), { fresh: [], isCut: false })
})

t.test('times as people write them', async (t) => {
  t.equal(timeOf('--since', '2026-11-25T08:00:00+01:00').toISOString(), '2026-11-25T07:00:00.000Z')
  t.ok(Math.abs(Date.now() - timeOf('--since', '2h').getTime() - 7_200_000) < 5_000)
  for (const text of ['', '2', '2y', 'now', '2026-13-01T00:00:00Z', '99999999999s'])
    t.throws(() => timeOf('--since', text), AppError, text)
})
