import t from 'tap'
import type { Change, Row } from '../../src/change.ts'
import { compareDigits, RowHistory } from '../../src/map/history.ts'
import { Remembered } from '../../src/map/remembered.ts'

const NAMED = (name: string): Row => ({ id: 5, name, category: 'Etching' })

function change(id: string, old: Row | null, row: Row | null): Change {
  const operation = old === null ? 'INSERT' : row === null ? 'DELETE' : 'UPDATE'
  return { id, at: '2026-11-25T04:34:05Z', table: 'NEMO_tool', operation, old, new: row }
}

t.test('a row is told as it was after a change, and before it was made or after it is gone not at all', async (t) => {
  const history = new RowHistory(['name'])
  history.addChange('5', change('8', null, NAMED('a')))
  history.addChange('5', change('9', NAMED('a'), NAMED('b')))
  history.addChange('5', change('11', NAMED('b'), null))
  t.strictSame(
    ['7', '8', '9', '10', '11', '12'].map((id) => history.at('5', id)?.name),
    [undefined, 'a', 'b', 'b', undefined, undefined],
    '9 comes before 10: ids are numbers, however they are written',
  )
  t.strictSame(history.at('5', '8'), { name: 'a' }, 'with the columns that are looked up, and no other')
})

t.test('after its last change it is what was read, and without any change always', async (t) => {
  const history = new RowHistory(['name'])
  history.addChange('5', change('8', NAMED('a'), NAMED('b')))
  history.setAfter('5', { name: 'b' })
  history.setAfter('6', { name: 'c' })
  t.strictSame(
    [history.at('5', '7'), history.at('5', '8'), history.at('6', '1')],
    [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
  )
  t.strictSame(history.ids(), ['5', '6'])
  t.equal(history.at('7', '1'), undefined)
})

t.test('C35 a column is text with all its digits; one that is not there is null', async (t) => {
  const history = new RowHistory(['parent_tool_id', 'operational', 'gone'])
  history.addChange('5', change('8', { id: 5, parent_tool_id: 9007199254740993n, operational: false }, NAMED('b')))
  t.strictSame(history.at('5', '7'), { parent_tool_id: '9007199254740993', operational: 'false', gone: null })
})

t.test('C35 ids are compared as numbers, beyond 2^53 too', async (t) => {
  const ids = ['9007199254740993', '10', '9', '9007199254740992', '9223372036854775807']
  t.strictSame([...ids].sort(compareDigits), ['9', '10', '9007199254740992', '9007199254740993', '9223372036854775807'])
})

t.test('what is remembered is bounded: who was seen longest ago is forgotten', async (t) => {
  const remembered = new Remembered<number>(2)
  remembered.see('a', 1)
  remembered.see('b', 2)
  remembered.see('a', 3)
  remembered.see('c', 4)
  t.strictSame(
    ['a', 'b', 'c'].map((key) => remembered.get(key)),
    [3, undefined, 4],
  )
})
