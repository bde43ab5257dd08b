import t from 'tap'
import { migrate } from '../../src/db/migrate.ts'
import { findReadable } from '../../src/state/readable.ts'
import { HISTORIES, SOURCES } from '../../src/state/sources.ts'
import { stateQuery } from '../../src/state/state-query.ts'
import { silent, startLab } from '../db/database.ts'
import { longHistory, StateEyes } from './laboratory.ts'

const TOOLS = 300
const ROWS = 100_000

const lab = await startLab(t)

t.test(`${TOOLS} tools with ${ROWS} usages, reservations and visits behind them`, async (t) => {
  const db = await lab.captured()
  await db.sql(`set nemo_mqtt.capture = off; ${longHistory(TOOLS, ROWS)}`)
  await migrate({ url: db.url, print: silent, serviceRole: { name: 'quick', create: { password: undefined } } })
  const eyes = new StateEyes(lab.server.url(db.name, 'quick'))
  t.teardown(() => eyes.close())

  const first = await eyes.look()
  t.equal(first.tools.length, TOOLS)
  t.equal(first.tools.filter((tool) => tool.in_use).length, TOOLS / 4)
  const everywhere = await median(() => eyes.look())
  const near = await median(() => eyes.look(['7']))
  t.comment(`a look everywhere takes ${everywhere} ms, a near one ${near} ms`)
  t.ok(near < everywhere)

  const readable = await findReadable(eyes.pool)
  const scanned = await seqScans(stateQuery(readable, 'near'))
  const histories = HISTORIES.map((name) => SOURCES[name].table as string).filter((name) => scanned.includes(name))
  t.strictSame(
    histories.filter((table) => /usage|reservation|task/.test(table)),
    [],
    'no history is read from end to end',
  )
  t.notOk(scanned.includes('NEMO_areaaccessrecord'))
  t.ok((await seqScans(stateQuery(readable, 'everywhere'))).includes('NEMO_usageevent'), 'which this test can see')

  async function seqScans(text: string): Promise<string[]> {
    const values = text.includes('$1') ? [['7'], ...HISTORIES.flatMap(() => [['100200', '100900'], '100000'])] : []
    const { rows } = await eyes.pool.query<Record<string, unknown>>(`explain (format json) ${text}`, values)
    const plan = JSON.stringify(rows)
    return [...plan.matchAll(/"Node Type":"Seq Scan"[^{}]*?"Relation Name":"(\w+)"/g)].map(([, table]) => table ?? '')
  }
})

async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < 15; n += 1) {
    const began = performance.now()
    await work()
    times.push(performance.now() - began)
  }
  return Math.round((times.sort((a, b) => a - b)[7] ?? 0) * 10) / 10
}
