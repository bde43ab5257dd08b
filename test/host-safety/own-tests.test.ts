import t from 'tap'
import { reasonToSkip, runKit } from './kit.ts'

// All of them take many minutes: NEMO_MQTT_TEST_OWN_TESTS=NEMO.tests, or the labels of some.
const labels = process.env.NEMO_MQTT_TEST_OWN_TESTS
const skip = reasonToSkip() || (labels === undefined ? 'set NEMO_MQTT_TEST_OWN_TESTS=NEMO.tests to run them' : false)

t.test('NEMO’s own tests end alike with and without our triggers', { skip }, async (t) => {
  const { code, lines } = await runKit('nemo-own-tests.sh', { TESTS: labels ?? '' })
  for (const line of lines) t.comment(line)
  t.equal(code, 0)
  t.strictSame(
    lines.filter((line) => line.startsWith('FAIL')),
    [],
  )
})
