import type { Client } from 'pg'
import { quantile, round } from './figures.ts'

const SINGLE_WRITES = 3_000
const BULK_ROWS = 10_000
const BULK_ROUNDS = 7

/** What capture costs NEMO's own writes; times in milliseconds, medians. */
export interface WriteCost {
  readonly single_row: { readonly bare_ms: number; readonly captured_ms: number; readonly dearer_by_ms: number }
  readonly bulk_unchanged: { readonly rows: number; readonly ratio: number }
  readonly bulk_changed: { readonly rows: number; readonly ratio: number }
}

/** Times writes on a watched table beside its twin without triggers, in turn, so that both meet the same machine. */
export async function measureWriteCost(client: Client): Promise<WriteCost> {
  await client.query(`create table bare_twin (like "NEMO_usageevent" including all)`)
  await client.query('insert into bare_twin select * from "NEMO_usageevent" order by id limit $1', [BULK_ROWS])
  await client.query('vacuum analyze bare_twin')
  await client.query('vacuum analyze "NEMO_usageevent"')
  const first = Number((await client.query('select min(id) as id from bare_twin')).rows[0].id)
  const timed = async (sql: string, values: unknown[]): Promise<number> => {
    const start = performance.now()
    await client.query(sql, values)
    return performance.now() - start
  }
  const pairs = async (set: string, where: string, rounds: number, id: (round: number) => number[]) => {
    const bare: number[] = []
    const captured: number[] = []
    for (let index = 0; index < rounds; index += 1) {
      const ids = id(index)
      bare.push(await timed(`update bare_twin set ${set} where ${where}`, [ids]))
      captured.push(await timed(`update "NEMO_usageevent" set ${set} where ${where}`, [ids]))
    }
    return { bare: quantile(bare, 0.5), captured: quantile(captured, 0.5) }
  }
  const range = Array.from({ length: BULK_ROWS }, (_, index) => first + index)
  const where = 'id = any($1)'
  const single = await pairs('remote_work = not remote_work', where, SINGLE_WRITES, (index) => [first + (index % 500)])
  const unchanged = await pairs('remote_work = remote_work', where, BULK_ROUNDS, () => range)
  const changed = await pairs('remote_work = not remote_work', where, BULK_ROUNDS, () => range)
  await client.query('drop table bare_twin')
  return {
    single_row: {
      bare_ms: round(single.bare),
      captured_ms: round(single.captured),
      dearer_by_ms: round(single.captured - single.bare),
    },
    bulk_unchanged: { rows: BULK_ROWS, ratio: round(unchanged.captured / unchanged.bare) },
    bulk_changed: { rows: BULK_ROWS, ratio: round(changed.captured / changed.bare) },
  }
}
