import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { findProgram } from '../../lab/programs.ts'
import { takeLock } from './cache-folder.ts'

const skip = findProgram('flock') === undefined ? 'without flock nothing is locked' : false

t.test('a lock that somebody has is refused, or waited for by who is patient', { skip }, async (t) => {
  const file = join(temporaryFolder('lock'), 'lock')
  const unlock = await takeLock(file)
  t.ok(unlock)
  t.equal(await takeLock(file), undefined)
  const order: string[] = []
  const waiting = takeLock(file, true).then((unlockSecond) => {
    order.push('the second has it')
    return unlockSecond
  })
  t.equal(await takeLock(file), undefined) // by now the patient one waits
  order.push('the first gives it back')
  unlock?.()
  const unlockSecond = await waiting
  t.strictSame(order, ['the first gives it back', 'the second has it'])
  t.equal(await takeLock(file), undefined)
  unlockSecond?.()
})
