import { fileURLToPath } from 'node:url'
import t from 'tap'
import { StartedProgram } from '../../lab/process.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'
import { Tally } from './tally.ts'

t.test('a file whose tests have passed and whose process never exits is killed, named and counted', async (t) => {
  const tally = new Tally()
  const file = 'dist/test/fixtures/never-exits.js'
  const suite = new StartedProgram({
    name: 'tap',
    program: process.execPath,
    arguments: [fileURLToPath(new URL('./suite.js', import.meta.url)), file],
    environment: { PATH: process.env.PATH, LAB_TEST_EXIT_MS: '500' },
    folder: PACKAGE_ROOT,
    onLine: (line) => tally.read(line),
  })
  await suite.start()
  t.teardown(() => suite.kill())
  t.equal(await suite.ended(60_000), 1)
  t.match(suite.output, `${file}: its tests have ended, its process has not`)
  t.same([tally.passed, tally.failed, tally.skipped], [1, 1, 0])
})
