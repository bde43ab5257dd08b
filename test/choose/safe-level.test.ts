import t from 'tap'
import { Random } from '../../lab/life/random.ts'
import { LEVEL_BYTES, safeLevel } from '../../src/choose/safe-level.ts'
import { topicProblem } from '../../src/publish/topic.ts'
import { HOSTILE_NAMES, randomName } from './names.ts'

/** What is wrong with a level; empty when it can stand anywhere in a topic. */
function faultOf(level: string): string {
  if (level === '') return 'it is empty'
  if (level.includes('/')) return 'it is two levels'
  if (level !== level.trim()) return 'it has space around it'
  if (Buffer.byteLength(level) > LEVEL_BYTES) return `it has ${Buffer.byteLength(level)} bytes`
  if (Buffer.from(level).toString() !== level) return 'it is no UTF-8'
  return topicProblem(level) ?? topicProblem(`${level}/a/${level}`) ?? ''
}

t.test('what people can read stays, and nothing else', async (t) => {
  for (const [name, level] of [
    ['Scanning electron microscope', 'Scanning electron microscope'],
    ['AFM/Profilometer #2 + stage', 'AFM_Profilometer _2 _ stage'],
    ['  FIB\n', 'FIB'],
    ['$SYS', 'SYS'],
    ['$ $share', 'share'],
    ['a$b', 'a$b'],
    ['a\u0000b', 'a_b'],
    ['a\ud83d', 'a_'],
    ['E\u0301mile', 'Émile'],
    ['أحمد 😀', 'أحمد 😀'],
    ['', '5'],
    ['  \t', '5'],
    ['$$', '5'],
    [null, '5'],
  ] as const) {
    t.equal(safeLevel(name, '5'), level)
  }
})

t.test('a long name is cut between two characters', async (t) => {
  t.equal(safeLevel('x'.repeat(255), '5'), 'x'.repeat(255))
  t.equal(safeLevel('x'.repeat(256), '5'), 'x'.repeat(255))
  t.equal(safeLevel(`${'x'.repeat(254)}é`, '5'), 'x'.repeat(254))
  t.equal(safeLevel('👩‍🔬'.repeat(100), '5'), '👩‍🔬'.repeat(23), 'one that is several codes is whole or gone')
  t.equal(safeLevel(`${'x'.repeat(254)} y`, '5'), 'x'.repeat(254), 'no space is left at the cut')
})

t.test('whatever a name holds, it becomes a level that MQTT allows', async (t) => {
  const random = new Random(20_261_125)
  const faults: string[] = []
  for (const name of [...HOSTILE_NAMES, ...Array.from({ length: 10_000 }, () => randomName(random))]) {
    const fault = faultOf(safeLevel(name, '5'))
    if (fault !== '') faults.push(`${fault}: ${JSON.stringify(name)}`)
  }
  t.strictSame(faults, [])
})
