import t from 'tap'
import { Tally, type TallyOptions } from './tally.ts'

const read = (stream: string, options: TallyOptions = {}): Tally => {
  const tally = new Tally(options)
  for (const line of stream.split('\n')) tally.read(line)
  return tally
}
const counts = ({ passed, failed, skipped }: Tally): number[] => [passed, failed, skipped]
const lastLine = (tally: Tally): string | undefined => tally.report().trimEnd().split('\n').at(-1)

const RUN = `TAP version 14
# Subtest: dist/test/a.test.js
    # Subtest: one fails
        ok 1 - should be equal
        not ok 2 - an assertion is not counted
          ---
          found: 1
          ...
        1..2
    not ok 1 - one fails # time=2.388ms
    
    ok 2 - two works # time=1ms
    ok 3 - three waits # SKIP no reason
    not ok 4 - four is not done # TODO later
    1..4
    # failed 1 of 4 tests
not ok 1 - dist/test/a.test.js # time=1500.5ms
# Subtest: dist/test/b.test.js
    ok 1 - five works { in braces } # and has a hash # time=7ms
    1..1
ok 2 - dist/test/b.test.js # time=2s
1..2`

t.test('the tests inside the files are counted, neither their assertions nor the files', async (t) => {
  const tally = read(RUN)
  t.same(counts(tally), [2, 1, 2])
  t.notOk(tally.isGood)
  t.equal(lastLine(tally), '2 passed, 1 failed, 2 skipped')
  t.match(tally.report(), /FAILED: dist\/test\/a\.test\.js: one fails\n/)
  t.match(tally.report(), /skipped: dist\/test\/a\.test\.js: three waits\n/)
})

t.test('the duration of every file is known', async (t) => {
  t.same(
    [...read(RUN).durations],
    [
      ['dist/test/a.test.js', 1.5005],
      ['dist/test/b.test.js', 2],
    ],
  )
  t.match(read(RUN).report(), / {4}2\.0 s {2}dist\/test\/b\.test\.js\n {4}1\.5 s {2}dist\/test\/a\.test\.js\n/)
})

t.test('a buffered file, whose tests follow its own line, is counted alike', async (t) => {
  const tally = read(`not ok 1 - a.test.js # time=10ms {
    ok 1 - one # time=1ms {
        ok 1 - assertion
        1..1
    }
    not ok 2 - two # time=1ms
    1..2
}
ok 2 - b.test.js # time=10ms {
    ok 1 - three
    1..1
}
1..2`)
  t.same(counts(tally), [2, 1, 0])
  t.match(tally.report(), /FAILED: a\.test\.js: two\n/)
})

t.test('a file that fails although none of its tests did counts as one failed test', async (t) => {
  const crashed = read(`# Subtest: a.test.js
    ok 1 - one
    1..1
not ok 1 - a.test.js # time=10ms
  ---
  exitCode: 7
  ...
`)
  t.same(counts(crashed), [1, 1, 0])
  t.match(crashed.report(), /FAILED: a\.test\.js as a whole\n/)
  t.same(counts(read('not ok 1 - a.test.js # time=10ms\n')), [0, 1, 0], 'it crashed before its first test')
})

t.test('a file that took too long counts as failed once', async (t) => {
  const tally = read(`# Subtest: a.test.js
    ok 1 - one
    not ok 2 - timeout!
      ---
      expired: a.test.js
      ...
    1..2
not ok 1 - a.test.js # time=300000ms
ok 2 - b.test.js # time=1ms {
    ok 1 - two
    1..1
}
not ok 3 - timeout!
  ---
  expired: a.test.js
  ...
1..3`)
  t.same(counts(tally), [2, 1, 0])
  t.same([...tally.durations.keys()], ['a.test.js', 'b.test.js'])
})

t.test('what the details of a failure quote is not counted', async (t) => {
  const tally = read(`# Subtest: a.test.js
    ok 1 - one
    1..1
not ok 1 - a.test.js # time=10ms
  ---
  diff: |
    not ok 1 - quoted
    ok 2 - quoted

  ...
ok 2 - b.test.js # time=10ms {
    ok 1 - two
    1..1
}`)
  t.same(counts(tally), [2, 1, 0])
  const cutOff = read(`# Subtest: a.test.js
    not ok 1 - one
      ---
      found: 1
    ok 2 - two
    1..2
not ok 1 - a.test.js`)
  t.same(counts(cutOff), [1, 1, 0], 'details without an end hide nothing')
})

t.test('a file that gives up counts as failed', async (t) => {
  const tally = read(`# Subtest: a.test.js
    ok 1 - one
    Bail out! no room
Bail out! no room`)
  t.ok(tally.failed > 0)
})

t.test('a run without a test is not good, and neither is a file without one', async (t) => {
  t.notOk(new Tally().isGood)
  t.notOk(read('TAP version 14\n1..0').isGood)
  t.same(counts(read('ok 1 - a.test.js # time=1ms')), [0, 1, 0])
  t.same(counts(read('ok 1 - a.test.js # SKIP not here # time=1ms')), [0, 0, 1], 'one that is skipped as a whole')
  t.notOk(read('    ok 1 - one # SKIP not here\nok 1 - a.test.js').isGood, 'everything was skipped')
})

t.test('a skipped test is a failure where it may not be skipped', async (t) => {
  const stream = `    ok 1 - one # SKIP there is no NEMO
ok 1 - real-nemo/a.test.js # time=10ms
    ok 1 - two # SKIP not today
    ok 2 - three
ok 2 - b.test.js # time=10ms`
  const tally = read(stream, { mayNotSkip: (file) => file.includes('real-nemo') })
  t.same(counts(tally), [1, 1, 1])
  t.match(tally.report(), /FAILED: real-nemo\/a\.test\.js: one \(skipped/)
})

t.test('what the stream does not tell can be counted too', async (t) => {
  const tally = read(RUN)
  tally.fail('the run ended early')
  t.equal(lastLine(tally), '2 passed, 2 failed, 2 skipped')
})
