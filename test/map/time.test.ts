import t from 'tap'
import { isShifted, secondsBetween, toInstant, toUtc } from '../../src/map/time.ts'

t.test('C37 the same instant is the same text, whatever session wrote it', async (t) => {
  const utc = '2026-11-01T05:30:00.25Z'
  t.equal(toUtc('2026-11-01T01:30:00.25-04:00'), utc)
  t.equal(toUtc('2026-11-01T14:30:00.25+09:00'), utc)
  t.equal(toUtc('2026-11-01T05:30:00.25+00:00'), utc)
  t.equal(toUtc('2026-11-01T05:30:00.25Z'), utc)
  t.equal(toUtc('2026-11-01T11:00:00.25+05:30'), utc)
  t.equal(toUtc('2026-11-01T05:30:00.25+00'), utc)
})

t.test('C37 the two instants of the hour that the clock repeats are an hour apart, in order', async (t) => {
  const [before, after] = ['2026-11-01T01:30:00-04:00', '2026-11-01T01:30:00-05:00']
  t.strictSame([toUtc(before), toUtc(after)], ['2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z'])
  t.equal(secondsBetween(before, after), 3600)
})

t.test('microseconds are kept when there are any', async (t) => {
  t.equal(toUtc('2026-11-25T04:34:05.407914-05:00'), '2026-11-25T09:34:05.407914Z')
  t.equal(toUtc('2026-11-25T04:34:05.000001+00:00'), '2026-11-25T04:34:05.000001Z')
  t.equal(toUtc('2026-11-25T04:34:05.000000+00:00'), '2026-11-25T04:34:05Z')
  t.equal(toUtc('2026-11-25T04:34:05.000000-01:00'), '2026-11-25T05:34:05Z')
})

t.test('old offsets have seconds, and old years few digits', async (t) => {
  t.equal(toUtc('1880-01-01T00:00:00+00:53:28'), '1879-12-31T23:06:32Z')
  t.equal(toUtc('1880-01-01T00:00:00-04:56:02'), '1880-01-01T04:56:02Z')
  t.equal(toUtc('0050-06-01T00:00:00+01:00'), '0050-05-31T23:00:00Z')
  t.equal(toUtc('0001-01-01T00:00:00+00:00'), '0001-01-01T00:00:00Z')
  t.equal(toUtc('9999-12-31T23:59:59.999999+00:00'), '9999-12-31T23:59:59.999999Z')
})

t.test('C36 what RFC 3339 cannot write is null, and nothing throws', async (t) => {
  for (const text of [
    'infinity',
    '-infinity',
    '0044-03-15T00:00:00+00:00 BC',
    '0001-01-01T00:00:00+05:00',
    '0000-01-01T00:00:00+00:00',
    '9999-12-31T23:59:59-05:00',
    '12345-01-01T00:00:00+00:00',
    '2026-13-01T00:00:00+00:00',
    '2026-11-25',
    '2026-11-25T04:34:05',
    'NaN',
    '',
    null,
    undefined,
    1_764_045_245,
    true,
    {},
  ]) {
    t.equal(toUtc(text), null, String(text))
    t.equal(toInstant(text), null, String(text))
  }
  t.equal(secondsBetween('2026-11-25T04:34:05Z', 'infinity'), null)
  t.equal(secondsBetween('-infinity', '2026-11-25T04:34:05Z'), null)
})

t.test('a duration counts whole seconds, rounded down', async (t) => {
  t.equal(secondsBetween('2026-11-25T04:00:00.9Z', '2026-11-25T04:00:02.1Z'), 1)
  t.equal(secondsBetween('2026-11-25T04:00:00.1Z', '2026-11-25T04:00:02.1Z'), 2)
  t.equal(secondsBetween('2026-11-25T04:00:00.000001Z', '2026-11-25T04:00:00.000002Z'), 0)
  t.equal(secondsBetween('2026-11-25T04:00:02Z', '2026-11-25T04:00:00Z'), -2)
  t.equal(secondsBetween('0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z'), 315_537_897_599)
})

t.test('moved is when start and end differ by the same, to the microsecond', async (t) => {
  const span = (start: string, end: string) => ({ start, end })
  const old = span('2026-11-26T10:00:00.9+00:00', '2026-11-26T12:00:00+00:00')
  t.equal(isShifted(old, span('2026-11-26T10:00:01.1+00:00', '2026-11-26T12:00:00.2+00:00')), true)
  t.equal(isShifted(old, span('2026-11-26T10:00:01.1+00:00', '2026-11-26T12:00:00.200001+00:00')), false)
  t.equal(isShifted(old, span('3026-11-26T10:00:00.9+00:00', '3026-11-26T12:00:00.000001+00:00')), false)
  t.equal(isShifted(old, old), true)
  t.equal(isShifted(old, span('2026-11-26T10:00:00.9+00:00', 'infinity')), null)
})
