import type { Random } from '../../lab/life/random.ts'

/** Names with everything that has no place in a topic. */
export const HOSTILE_NAMES = [
  '',
  ' ',
  '/',
  '#',
  '+',
  '$SYS/broker',
  '$ $share',
  'bridge',
  'AFM/Profilometer #2 + stage',
  '\u0000',
  'a\u0000b\u0001\u007f\u009f',
  'line\r\nbreak\u2028here',
  '\ud83d',
  'a\ude00b',
  '\uffff\ufdd0\u{1fffe}',
  '\ufeffmark',
  'E\u0301mile',
  '🔬'.repeat(200),
  '👩‍🔬'.repeat(100),
  `e${'\u0301'.repeat(1_000)}`,
  '\u3042'.repeat(1_000),
  `${' '.repeat(300)}x`,
  `${'x'.repeat(254)}é`,
  '…'.repeat(85).concat('x'),
  '{id}',
  '..',
]

/** A name of code units that nobody would think of, half surrogate pairs included. */
export function randomName(random: Random): string {
  const length = Math.floor(random.next() ** 3 * 400)
  let name = ''
  for (let n = 0; n < length; n += 1) {
    const kind = random.next()
    if (kind < 0.3) name += String.fromCharCode(Math.floor(random.next() * 0xa0))
    else if (kind < 0.5) name += '/+#$ \u0000\u200d\u0301'.charAt(Math.floor(random.next() * 8))
    else if (kind < 0.8) name += String.fromCharCode(Math.floor(random.next() * 0x1_0000))
    else name += String.fromCodePoint(Math.floor(random.next() * 0x11_0000))
  }
  return name
}
