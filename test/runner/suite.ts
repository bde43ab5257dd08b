import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { findProgram } from '../../lab/programs.ts'
import { PACKAGE_ROOT } from '../../src/version.ts'

const FILE_TIMEOUT_SECONDS = 600
const JOBS = Math.max(2, availableParallelism())
/** How long a process may live on when its last test has ended; what it tears down then takes seconds. */
const EXIT_MS = Number(process.env.LAB_TEST_EXIT_MS ?? 60_000)

// Started by run.ts with the files to run. The `tap` command would sort them by name; here they run in the order given,
// so that two jobs end at about the same time.
t.setTimeout(0) // each file has a timeout, and may ask for a longer one
t.jobs = JOBS

// A file that passed but never exits would hold its job until the timeout, and nobody would know why it failed.
t.on('spawn', (file) => {
  file.parser.on('comment', (comment) => {
    if (!comment.startsWith('# time=')) return // the last thing that a file says
    const timer = setTimeout(() => {
      process.stderr.write(`${file.name}: its tests have ended, its process has not, so it is killed\n`)
      file.proc?.kill('SIGKILL')
    }, EXIT_MS)
    file.proc?.once('exit', () => clearTimeout(timer))
  })
})

// A file whose runner was killed ends too, and its servers with it.
const guard = process.platform === 'linux' ? findProgram('setpriv') : undefined
const [program, ...before] = [
  // tap adds a loader that notes every module of every process below it: each would take a second longer to start.
  ...['env', '-u', 'NODE_OPTIONS'],
  ...(guard === undefined ? [] : [guard, '--pdeathsig', 'KILL']),
  process.execPath,
  '--enable-source-maps',
]

// From its environment a file knows its own timeout, which ends it politely; ours is for one that does not end by it.
const env = { ...process.env, TAP_TIMEOUT: String(FILE_TIMEOUT_SECONDS) }

for (const file of process.argv.slice(2)) {
  const timeout = FILE_TIMEOUT_SECONDS * 1_000
  const options = { cwd: PACKAGE_ROOT, env, timeout, buffered: true, at: null, stack: '' }
  // Failures are told in the stream, and a rejection here would end the other files.
  t.spawn(program, [...before, join(PACKAGE_ROOT, file)], options, file).catch(() => undefined)
}
