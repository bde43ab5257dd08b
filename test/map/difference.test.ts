import t from 'tap'
import { differing, type Watched } from '../../src/map/difference.ts'

const watched: Watched = { name: 'value', n: 'value', start: 'time' }

t.test('what differs is named in the order of the list', async (t) => {
  const row = { start: '2026-11-25T04:34:05+00:00', n: 1, name: 'a', other: 1 }
  t.strictSame(differing(row, { ...row, other: 2 }, watched), [])
  const other = { start: '2026-11-25T04:34:06+00:00', n: 2, name: 'b' }
  t.strictSame(differing(row, other, watched), ['name', 'n', 'start'])
  t.strictSame(differing({ n: 9007199254740992n }, { n: 9007199254740993n }, watched), ['n'])
  t.strictSame(differing({ n: 0 }, { n: null }, watched), ['n'], 'zero is not nothing')
  t.strictSame(differing({ n: false }, { n: null }, watched), ['n'])
})

t.test('NULL, an empty text and a missing column are alike', async (t) => {
  t.strictSame(differing({ name: null, n: '' }, { name: '', n: null }, watched), [])
  t.strictSame(differing({ name: null }, {}, watched), [])
  t.strictSame(differing({ name: '' }, { name: ' ' }, watched), ['name'])
})

t.test('times are compared to the second, after their offsets', async (t) => {
  const differ = (start: unknown, now: unknown) => differing({ start }, { start: now }, watched).length > 0
  t.notOk(differ('2026-11-25T04:34:05.999999+00:00', '2026-11-25T04:34:05+00:00'))
  t.notOk(differ('2026-11-25T04:34:05.2+00:00', '2026-11-24T23:34:05.7-05:00'))
  t.ok(differ('2026-11-25T04:34:05.999999+00:00', '2026-11-25T04:34:06+00:00'))
  t.ok(differ('2026-11-25T04:34:05+00:00', '2026-11-25T04:34:05+01:00'))
  t.ok(differ('2026-11-25T04:34:05+00:00', 'infinity'))
  t.ok(differ('-infinity', 'infinity'))
  t.ok(differ('2026-11-25T04:34:05+00:00', null))
  t.notOk(differ('infinity', 'infinity'))
})

t.test('only a time is a time: a text that looks like one is compared as it is', async (t) => {
  const [name, now] = ['2026-11-25T04:34:05.9+00:00', '2026-11-25T04:34:05+00:00']
  t.strictSame(differing({ name }, { name: now }, watched), ['name'])
})

t.test('a json column is compared by what is in it', async (t) => {
  t.strictSame(differing({ n: { a: [1, 'x'] } }, { n: { a: [1, 'x'] } }, watched), [])
  t.strictSame(differing({ n: { a: [1, 'x'] } }, { n: { a: [1, 'y'] } }, watched), ['n'])
})
