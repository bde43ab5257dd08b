import t from 'tap'
import { nextMoment } from '../../src/state/next-moment.ts'
import type { StateRows } from '../../src/state/rows.ts'

const at = (second: string) => `2026-11-25T04:34:${second}+00:00`

/** What is looked at when these begin and end, ten seconds after the minute. */
function next(kind: 'usages' | 'reservations' | 'outages', start: string, end: string | null): number | undefined {
  return nextMoment({ now: at('10'), [kind]: [{ start, end }] } as unknown as StateRows)
}

t.test('the next moment is the nearest one ahead, of whatever kind', async (t) => {
  t.equal(next('usages', at('00'), at('12.5')), 2_500)
  t.equal(next('usages', at('00'), null), undefined, 'open: nothing but a change ends it')
  for (const kind of ['reservations', 'outages'] as const) {
    t.equal(next(kind, at('11'), at('50')), 1_000, `${kind} begin`)
    t.equal(next(kind, at('00'), at('50')), 40_000, `${kind} end`)
    t.equal(next(kind, at('00'), at('10')), undefined, `${kind} that end now are not looked at over and over`)
  }
})
