import t from 'tap'
import { startPostgres } from '../../lab/postgres.ts'
import { startProxy } from '../../lab/proxy.ts'
import { createPool } from '../../src/db/pool.ts'

t.setTimeout(60_000)
const postgres = await startPostgres()
t.teardown(() => postgres.kill())

t.test('when one connection turned out dead, the others that idle go with it', async (t) => {
  const proxy = await startProxy({ targetPort: postgres.port })
  const url = postgres.url('postgres').replace(`:${postgres.port}/`, `:${proxy.port}/`)
  const pool = createPool(url, () => undefined)
  t.teardown(async () => {
    await proxy.stop()
    await pool.end()
  })
  await Promise.all(Array.from({ length: 4 }, () => pool.query('select pg_sleep(0.1)')))
  t.equal(pool.idleCount, 4)
  proxy.silence({ newToo: false })
  await t.rejects(pool.query('select 1'), /timeout/)
  const since = performance.now()
  await pool.query('select 1')
  t.ok(performance.now() - since < 2_000, `${Math.round(performance.now() - since)} ms, not another wait for an answer`)
})

t.test('what the server itself refuses costs no connection', async (t) => {
  const pool = createPool(postgres.url('postgres'), () => undefined)
  t.teardown(() => pool.end())
  await Promise.all(Array.from({ length: 3 }, () => pool.query('select pg_sleep(0.1)')))
  await t.rejects(pool.query('select nothing'), /nothing/)
  t.equal(pool.idleCount, 2, 'but its own')
})

t.test('the server gives up when we have', async (t) => {
  const pool = createPool(postgres.url('postgres'), () => undefined)
  t.teardown(() => pool.end())
  t.match((await pool.query('show statement_timeout')).rows, [{ statement_timeout: '10s' }])
})
