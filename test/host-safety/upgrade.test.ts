import t from 'tap'
import { reasonToSkip, runKit } from './kit.ts'

t.setTimeout(1_500_000) // a cold run makes two environments and migrates three databases on whatever machine this is

// The first run makes the Python environments of the releases, which takes minutes; later ones find them.
t.test('NEMO upgrades from 4.7.1 to 8.1.5 as if our triggers were not there', { skip: reasonToSkip() }, async (t) => {
  const { code, lines } = await runKit('migrate-with-triggers.sh', {
    UPGRADES: process.env.NEMO_MQTT_TEST_UPGRADES ?? '4.7.1>8.1.5',
  })
  for (const line of lines) t.comment(line)
  t.equal(code, 0, lines.filter((line) => !/^(ok| )/.test(line)).join('\n'))
  t.strictSame(
    lines.filter((line) => line.startsWith('FAIL')),
    [],
  )
  t.ok(lines.filter((line) => line.startsWith('ok')).length >= 7, 'every comparison was made')
})
