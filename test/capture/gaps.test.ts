import t from 'tap'
import { Gaps } from '../../src/capture/gaps.ts'

/** The gaps as text: `2-4 9-9`. */
function shown(gaps: Gaps): string {
  const { from, to } = gaps.bounds()
  return from.map((low, n) => `${low}-${to[n]}`).join(' ')
}

t.test('what lies between the ids that were seen is a gap, and what came late is taken out of it', async (t) => {
  const gaps = new Gaps()
  gaps.open(0n, [1n, 2n, 6n, 7n, 9n], 100n)
  t.equal(shown(gaps), '3-5 8-8')
  gaps.open(9n, [20n], 101n)
  t.equal(shown(gaps), '3-5 8-8 10-19')
  gaps.fill([4n, 8n, 10n, 15n, 19n])
  t.equal(shown(gaps), '3-3 5-5 11-14 16-18')
  gaps.fill([3n, 5n, 12n, 13n])
  t.equal(shown(gaps), '11-11 14-14 16-18')
  gaps.fill([11n, 14n, 16n, 17n, 18n])
  t.equal(shown(gaps), '')
  gaps.fill([1n])
  t.equal(gaps.count, 0)
})

t.test('ids that belong to no gap change nothing', async (t) => {
  const gaps = new Gaps()
  gaps.open(10n, [15n, 20n], 1n)
  gaps.fill([1n, 10n, 15n, 20n, 30n])
  t.equal(shown(gaps), '11-14 16-19')
})

t.test('a gap is forgotten when all who could fill it have ended, and it was looked into since', async (t) => {
  const gaps = new Gaps()
  gaps.open(0n, [5n], 100n)
  gaps.open(5n, [9n], 110n)
  gaps.close(99n)
  t.equal(shown(gaps), '1-4 6-8')
  gaps.close(100n)
  t.equal(shown(gaps), '6-8')
  gaps.close(110n, 7n)
  t.equal(shown(gaps), '6-8', 'the read ended in the middle of it')
  gaps.close(110n, 8n)
  t.equal(shown(gaps), '')
})

t.test('too many gaps become one that is known to hold ids that were seen', async (t) => {
  const gaps = new Gaps()
  const seen = Array.from({ length: 5_000 }, (_, n) => BigInt(n) * 2n + 2n)
  gaps.open(0n, seen, 100n)
  t.equal(gaps.count, 5_000)
  t.notOk(gaps.areCoarse)
  gaps.open(10_000n, [10_005n], 120n)
  t.equal(shown(gaps), '1-10004')
  t.ok(gaps.areCoarse)
  gaps.fill([1n, 777n])
  t.equal(shown(gaps), '1-10004', 'no longer taken apart: that would undo the joining')
  gaps.open(10_005n, [10_007n], 130n)
  gaps.fill([10_006n])
  t.equal(shown(gaps), '1-10004')
  gaps.close(119n)
  t.ok(gaps.areCoarse, 'the youngest of those that could fill it counts')
  gaps.close(120n)
  t.equal(gaps.count, 0)
  t.notOk(gaps.areCoarse)
})
