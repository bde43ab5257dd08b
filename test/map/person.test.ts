import t from 'tap'
import { NOBODY, namePerson } from '../../src/map/person.ts'

const ada = { username: 'ada', firstName: 'Ada', lastName: 'Lovelace' }

t.test('people are named in the format that was chosen', async (t) => {
  t.strictSame(namePerson(ada, 'first_last'), { ...ada, shown: 'Ada Lovelace' })
  t.strictSame(namePerson(ada, 'first_last_username'), { ...ada, shown: 'Ada Lovelace (ada)' })
})

t.test('initials and none keep the name out of every field', async (t) => {
  t.strictSame(namePerson(ada, 'initials'), { ...NOBODY, shown: 'A. L.' })
  t.strictSame(namePerson(ada, 'none'), NOBODY)
  t.strictSame(Object.values(NOBODY), [null, null, null, null])
})

t.test('C102 one word, no word, other scripts', async (t) => {
  const shown = (firstName: string | null, lastName: string | null, username: string | null = 'ada') => {
    const names = { username, firstName, lastName }
    return [namePerson(names, 'first_last').shown, namePerson(names, 'initials').shown]
  }
  t.strictSame(shown('', 'Lovelace'), ['Lovelace', 'L.'])
  t.strictSame(shown('Ada', ''), ['Ada', 'A.'])
  t.strictSame(shown('', ''), ['ada', null], 'better a user name than nothing')
  t.strictSame(shown(null, null, null), [null, null])
  t.strictSame(shown('Zoë (she/her)', "O'Neil"), ["Zoë (she/her) O'Neil", 'Z. O.'])
  t.strictSame(shown('😀da', 'أحمد'), ['😀da أحمد', '😀. أ.'])
  t.strictSame(shown('E\u0301mile', 'Zola'), ['E\u0301mile Zola', 'É. Z.'], 'a letter that is two characters')
  t.equal(namePerson({ ...ada, firstName: '' }, 'first_last_username').shown, ' Lovelace (ada)', 'as NEMO has it')
})
