import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import t from 'tap'
import { hasEnded } from '../../lab/child-pids.ts'
import { temporaryFolder } from '../../lab/folder.ts'
import { StartedProgram } from '../../lab/process.ts'
import { until } from '../../lab/wait.ts'

/** A parent that starts a PostgreSQL and a Redis, tells their pids and its folder, and then does something. */
const PARENT = `
import { startPostgres } from ${JSON.stringify(new URL('../../lab/postgres.js', import.meta.url).href)}
import { startRedis } from ${JSON.stringify(new URL('../../lab/redis.js', import.meta.url).href)}
const postgres = await startPostgres()
const redis = await startRedis()
console.log(JSON.stringify({ pids: [postgres.pid, redis.pid], folder: postgres.dataFolder }))
process.stdin.once('data', (text) => eval(text.toString()))
`

const ENDINGS = [
  { how: 'returns', make: 'process.exit(0)', leavesFolder: false },
  { how: 'crashes', make: 'throw new Error("crash")', leavesFolder: false },
  { how: 'is interrupted', make: 'process.kill(process.pid, "SIGINT")', leavesFolder: false },
  {
    how: 'freezes its servers and ends',
    make: 'postgres.freeze(); redis.freeze(); process.exit(0)',
    leavesFolder: false,
  },
  { how: 'is killed with -9', make: 'process.kill(process.pid, "SIGKILL")', leavesFolder: true },
]

for (const { how, make, leavesFolder } of ENDINGS) {
  t.test(`no server survives a parent that ${how}`, async (t) => {
    const parent = spawn(process.execPath, ['--input-type=module', '-e', PARENT], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, TMPDIR: temporaryFolder('parent') },
    })
    const [line] = await once(parent.stdout, 'data')
    const { pids, folder } = JSON.parse(String(line)) as { pids: number[]; folder: string }
    t.ok(pids.length === 2 && pids.every((pid) => !hasEnded(pid)), 'both run')
    parent.stdin.write(make)
    await once(parent, 'exit')
    await until(() => pids.every(hasEnded), { what: 'the servers to end', deadlineMs: 5_000 })
    t.equal(existsSync(folder), leavesFolder)
  })
}

t.test('a program that ends at start is an error that shows its last lines', async (t) => {
  const program = new StartedProgram({
    name: 'the shell',
    program: '/bin/sh',
    arguments: ['-c', 'echo one; echo two >&2; exit 3'],
    isReady: () => false,
  })
  await t.rejects(program.start(), { message: /the shell ended with 3 at start\n {2}one\n {2}two/ })
  t.equal(program.outcome, 3)
})

t.test('a program that does not stop when asked is killed, and that is an error', async (t) => {
  const lines: string[] = []
  const program = new StartedProgram({
    name: 'the shell',
    program: '/bin/sh',
    arguments: ['-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'],
    isReady: () => lines.includes('ready'),
    onLine: (line) => lines.push(line),
    deadlineMs: 500,
  })
  await program.start()
  await t.rejects(program.stop(), /waited 500 ms for the shell to end/)
  t.notOk(program.isRunning)
  t.equal(program.outcome, 'SIGKILL')
})

t.test('a program that is not there is named', async (t) => {
  const program = new StartedProgram({ name: 'nothing', program: '/does/not/exist', arguments: [] })
  await t.rejects(program.start(), /nothing: there is no program \/does\/not\/exist/)
})
