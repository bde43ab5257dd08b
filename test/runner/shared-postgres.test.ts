import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../../lab/folder.ts'
import { findProgram } from '../../lab/programs.ts'
import { type SharedPostgres, startSharedPostgres } from './shared-postgres.ts'

const skip = findProgram('flock') === undefined ? 'without flock nothing is kept' : false
const folder = temporaryFolder('cache')
const TEMPLATES = `select datname from pg_database where datname ~ '^(template_nemo|left_over)'`

const start = async (t: { teardown: (end: () => Promise<void>) => void }): Promise<SharedPostgres> => {
  const shared = await startSharedPostgres(folder)
  t.teardown(() => shared.stop())
  return shared
}
const databases = ({ server }: SharedPostgres) => server.execute('postgres', TEMPLATES)

t.test('templates are there in the next run; what tests left over is not', { skip }, async (t) => {
  const { server, isKept, stop } = await startSharedPostgres(folder)
  t.ok(isKept)
  await server.createDatabase('template_nemo_1')
  await server.execute('postgres', 'alter database template_nemo_1 is_template true')
  await server.createDatabase('left_over')
  await server.execute('left_over', 'create role left_over; create table mine(); grant all on mine to left_over')
  await stop()
  const next = await start(t)
  t.ok(next.isKept)
  t.same(await databases(next), [{ datname: 'template_nemo_1' }])
  t.same(await next.server.execute('postgres', `select from pg_roles where rolname = 'left_over'`), [])
})

t.test('two runs at once do not collide: the second one keeps nothing', { skip }, async (t) => {
  const [one, two] = [await start(t), await start(t)]
  t.same([one.isKept, two.isKept], [true, false])
  t.not(one.server.dataFolder, two.server.dataFolder)
  t.same(await databases(two), [])
})

t.test('a run that was killed leaves a cluster that starts again', { skip }, async (t) => {
  const killed = await startSharedPostgres(folder)
  const pidFile = join(killed.server.dataFolder, 'postmaster.pid')
  await killed.server.kill()
  t.ok(existsSync(pidFile))
  // PostgreSQL would take any living process of this number for its own server.
  writeFileSync(pidFile, `${process.pid}\n`)
  await killed.stop()
  const next = await start(t)
  t.ok(next.isKept)
  t.same(await databases(next), [{ datname: 'template_nemo_1' }])
})

t.test('a cluster that a power cut may have damaged is made anew', { skip }, async (t) => {
  const cut = await startSharedPostgres(folder)
  await cut.server.kill()
  await cut.stop()
  writeFileSync(`${cut.server.dataFolder}.boot`, 'an earlier start of this machine')
  const next = await start(t)
  t.ok(next.isKept)
  t.same(await databases(next), [])
})

t.test('a cluster that does not start is made anew', { skip }, async (t) => {
  const broken = await startSharedPostgres(folder)
  await broken.stop()
  rmSync(join(broken.server.dataFolder, 'global'), { recursive: true })
  t.ok((await start(t)).isKept)
})
